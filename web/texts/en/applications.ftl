applications-title = Applications
applications-note = An application is a folder: forms, rules, task templates, ledgers and channels. Install one with the command hutong app install; here you see what is installed.
applications-none = No application is installed yet
applications-none-text = Check a folder with hutong app check DIR, then install it with hutong app install DIR, for example examples/elder-visit.
applications-version = { $key } · version { $version } · installed { $at }
applications-installed = In use
applications-retired = Retired
applications-faulty = Has faults
applications-faults = Some contents no longer fit this system
applications-faults-text = Mend the folder and install it again; what is in use goes on.
applications-objects = What { $title } consists of
applications-object = Contents
applications-kind = Kind
applications-key = Key
applications-kind-forms = Form
applications-kind-rules = Rule
applications-kind-ledgers = Ledger
applications-kind-tasks = Task template
applications-kind-channels = Channel
applications-kind-boards = Board
applications-kind-cases = Examples
applications-retire = Retire this application
applications-retire-text = Its forms, ledgers and templates are no longer offered and its channels close. Running tasks and open cases are finished as usual and all data stay; installing it again brings it back.
applications-retire-do = Retire "{ $title }"
applications-retired-toast = Retired; all data stay
applications-fault =
    { $zh ->
       *[other] { $en }
    }
applications-conflict-no-organization = There is no organization yet that could offer its channels. Import an address book first, then install the application.
