ledgers-title = 台账
