"""What triggers measure of the market, the books and the stages; and who evaluates them."""
