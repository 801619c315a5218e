"""Pictures and videos: uploaded by members and staff, drawn anew, judged, shown, and deleted for good.

The face of the plugin. A plugin that shows pictures takes their ids from the member (who uploaded them over
`/v1/media/uploads`), attaches them to what it shows, and asks for `views` with every
reply. `ctx.plugin` is who asks; all run in the caller's transaction and call nobody outside.
"""

from plugins.media.hookspecs import MediaApproved, MediaDeleted, MediaRejected
from plugins.media.schemas import ItemOut as MediaView
from plugins.media.uses import attach, attached, detach, remove, views

__all__ = [
    "attach",
    "attached",
    "detach",
    "MediaApproved",
    "MediaDeleted",
    "MediaRejected",
    "MediaView",
    "remove",
    "views",
]
