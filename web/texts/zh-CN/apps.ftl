apps-title = 应用
