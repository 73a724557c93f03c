entities-title = People, places, matters, things, organizations
