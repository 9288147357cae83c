"""What pages in a browser are made of: styles, and libraries of others that are given along as they are."""
