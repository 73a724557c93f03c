knowledge-title = 城市知识体系
