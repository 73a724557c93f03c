apps-title = Applications
