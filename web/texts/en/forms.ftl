forms-title = Forms
