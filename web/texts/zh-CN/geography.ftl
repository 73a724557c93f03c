geography-title = 地理
