ledgers-title = Ledgers
