entities-title = 人、地、事、物、组织
