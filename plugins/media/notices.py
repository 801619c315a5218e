"""What members are told of."""

from plugins.media.hookspecs import MediaRejected
from roost import Context, Notice, Text, Told

KINDS = {"image": Text(zh="图片", en="picture"), "video": Text(zh="视频", en="video")}


def _of_rejected(ctx: Context, fact: MediaRejected) -> Told | None:
    if fact.member is None:
        return None
    return Told(fact.member, {"kind": KINDS[fact.kind].in_("en" if ctx.locale.startswith("en") else "zh")})


rejected = Notice(
    fact="media_rejected",
    title=Text(zh="图片或视频未通过", en="Picture or video not approved"),
    read=_of_rejected,
    text=Text(
        zh="您上传的{kind}未通过审核，暂不能展示。",
        en="The {kind} that you uploaded was not approved and is not shown.",
    ),
)
