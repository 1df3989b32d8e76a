"""The venue's word against our books, account by account, and what became of each difference."""
