entities-title = People, places, matters, things, organizations
entities-age = Age
entities-years = { $n } years old
entities-aged = Over 80
entities-premises = Premises
entities-no-name = Name unknown
entities-made-up = Demo data
entities-known = How things stand
entities-each-has-origin = For each value: who, when, from which form
entities-nothing-known = Nothing is known yet
entities-nothing-known-text = It appears here after the first visit or request.
entities-gaps = Not known yet: { $what }
entities-two-answers = Two answers
entities-says-otherwise = { $day }, another answer: { $value }
entities-months-unchecked = Unchecked for { $n } months
entities-today = Today
entities-days-ago = { $n ->
    [one] yesterday
   *[other] { $n } days ago
}
entities-reveal = Show, with a reason
entities-reveal-act = Show
entities-reason = Why you need to see it
entities-reason-hint = It is kept, for the person and the administrator to see; write no numbers
entities-reason-needed = Say in 4 to 200 characters why you need to see it, without any number
entities-history = Lately
entities-older = Earlier
entities-untitled = Registration
entities-said = gave { $what }
entities-confirmed = confirmed { $n }
entities-source-certified = certified
entities-source-registry = base registry
entities-source-worker = worker
entities-source-clerk = counter
entities-source-sheet = imported sheet
entities-source-resident = resident, accepted
entities-source-unverified = resident, unverified
entities-state-pending = waits to be accepted
entities-state-rejected = not accepted
entities-waiting = { $n ->
    [one] One submission by a resident waits to be accepted
   *[other] { $n } submissions by residents wait to be accepted
}
entities-waiting-text = It counts once the worker who handles the request accepts it.
entities-serving = Who governs and serves now
entities-territorial = Territory
entities-grid = Grid
entities-above = Above
entities-lives-here = lives here
entities-in-grid = the home is in this grid
entities-governs-community = governs the community
entities-no-place = It is not known where the person lives.
entities-links = Related people and places
entities-no-links = No relation is registered yet.
entities-out-of-scope = outside your scope
entities-who-looked = Who saw whole numbers
entities-30-days = last 30 days
entities-looked = { $name }, { $n ->
    [one] once
   *[other] { $n } times
}
entities-nobody-looked = Nobody did.
entities-search = Search
entities-search-note = Only people in your scope are shown
entities-search-for = People, places, organizations
entities-people = People
entities-places = Places
entities-organizations = Organizations
entities-more-people = There are more people.
entities-go-to-ledgers = Filter them in a ledger
entities-nothing-found = Nothing found
entities-nothing-found-text = Try a full name, pinyin or initials; for people also the last four of an identity or phone number.
entities-only-last-four = To protect privacy, type only the last four of a number
entities-bad-cursor = This place in the list is no longer valid: start again from the first page
entities-already-decided = Somebody has decided on this already: reload to see it
entities-not-said = This was not part of the submission
entities-checked-again = { "," } checked { $day }
