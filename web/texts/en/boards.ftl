boards-title = Boards
