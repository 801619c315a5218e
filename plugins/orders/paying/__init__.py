"""What pays an order: the member's own means, providers, money that came too late, what was earned by it."""
