common-brand = Hutong
common-title-error = Error:{" "}
common-skip = Skip to content
common-nav = Main
common-nav-phone = Phone
common-tab-home = Workbench
common-tab-tasks = Tasks
common-tab-ledgers = Ledgers
common-tab-channels = Services
common-tab-boards = Boards
common-tab-admin = Admin
common-phone-home = Home
common-phone-ledgers = Ledgers
common-phone-tasks = Tasks
common-phone-channels = Services
common-search = Search
common-search-hint = People, homes, units, matters
common-acting-as = Acting as { $post }, { $organization }
common-change-post = Act in another post
common-large-on = Large text
common-large-off = Normal text
common-other-language = 中文
common-password = Change password
common-sign-out = Sign out
common-feedback = Complaints and suggestions
common-help-line = Need help? Ask { $place }:
common-back = Back
common-go-back = Go back
common-close = Close
common-undo = Undo
common-crumbs = You are here
common-steps = Steps
common-step-done = (done)
common-step-of = Step { $current } of { $total }
common-remove-condition = Remove this condition
common-pages = Pages
common-previous = Previous
common-next = Next
common-items = { $n ->
    [one] { $n } item
   *[other] { $n } items
}
common-errors = { $n ->
    [one] { $n } answer needs a change
   *[other] { $n } answers need a change
}
common-optional = optional
common-choose = Choose one
common-yes = Yes
common-no = No
common-wrong-change = Not right? Change it
common-change = Change
common-select = Select
common-select-row = Select { $name }
common-less = less
common-more = more
common-stuck = stuck
common-live = Live
common-live-stale = Connection lost, trying again
common-keys = Keyboard
common-keys-search = Go to search
common-keys-help = Show this list
common-keys-close = Close
common-tree-hint = Type a name, pinyin or initials; press ↓ to open
common-tree-none = Nothing found; try another spelling
common-tree-browse = Choose level by level
common-sheet-fault =
    { $zh ->
       *[other] { $en }
    }
