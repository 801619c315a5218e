"""Birthday, growth and new-member gifts, and the claims that members make good."""
