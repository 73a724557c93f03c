boards-title = 看板
