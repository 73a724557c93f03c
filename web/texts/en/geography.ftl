geography-title = Geography
