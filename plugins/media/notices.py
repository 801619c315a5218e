"""What members are told of."""

from plugins.media.hookspecs import MediaRejected
from roost import Context, Notice, Text, Told

KINDS = {"image": Text("图片", "picture"), "video": Text("视频", "video")}


def _of_rejected(ctx: Context, fact: MediaRejected) -> Told | None:
    if fact.member is None:
        return None
    return Told(fact.member, {"kind": KINDS[fact.kind].in_("en" if ctx.locale.startswith("en") else "zh")})


rejected = Notice(
    fact="media_rejected",
    title=Text("图片或视频未通过", "Picture or video not approved"),
    read=_of_rejected,
    text=Text(
        "您上传的{kind}未通过审核，暂不能展示。",
        "The {kind} that you uploaded was not approved and is not shown.",
    ),
)
