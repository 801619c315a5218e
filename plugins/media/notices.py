"""What members are told of."""

from plugins.media.hookspecs import MediaRejected
from roost import Context, Notice, Text, Told

KINDS = {"image": "图片", "video": "视频"}


def _of_rejected(ctx: Context, fact: MediaRejected) -> Told | None:
    return Told(fact.member, {"kind": KINDS[fact.kind]}) if fact.member is not None else None


rejected = Notice(
    fact="media_rejected",
    title=Text("图片或视频未通过", "Picture or video not approved"),
    read=_of_rejected,
    text=Text("您上传的{kind}未通过审核，暂不能展示。", "What you uploaded was not approved and is not shown."),
)
