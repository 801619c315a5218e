"""Refer a friend: one level, signed invitations, rewards that follow a conversion."""
