setup-title = Set up
setup-demo-other-city = This data folder already holds a real installation; build the demo city in another folder
