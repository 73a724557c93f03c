knowledge-title = City knowledge model
