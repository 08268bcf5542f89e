wall-title = { $unit }: the wall
wall-live = Live
wall-waiting = Connecting
wall-lost = Connection lost: this is how it stood at #time, #span ago
wall-past = As it stood on { $day }; not updated
wall-day = Day
wall-day-show = Show
wall-now = Back to now
wall-seconds = # s
wall-minutes = # min
wall-leave = Leave
wall-as-of-day = Figures as of { $day }
wall-headlines = Figures of the year
wall-map = Colours of matters by place
wall-red = red
wall-yellow = yellow
wall-blue = blue
wall-matrix = Units and lines
wall-unit = Unit
wall-all = All
wall-more-units = The other units
wall-late-list = Red and yellow matters
wall-late-none = Nothing is red or yellow
wall-late = { $days ->
    [one] { $days } day overdue
   *[other] { $days } days overdue
}
wall-late-left = { $days ->
    [one] due in { $days } day
   *[other] due in { $days } days
}
wall-late-today = due today
wall-late-paused = on hold
wall-ticker = What happens
wall-ticker-none = Nothing happened of late
wall-target = target { $target }
wall-year-ago = { $change } on the year

kiosk-title = Open the wall
kiosk-opening = Opening the wall …
kiosk-no-token = This page opens the wall on a screen. Use the whole link that the administrator issued.
kiosk-refused = The link is no good, has expired or was revoked. Ask the administrator for a new one.
kiosk-failed = It cannot be opened right now. Open the link again in a while.
kiosk-script = The wall on a screen needs JavaScript.
admin-kiosk-new = Issue a link for a screen
admin-kiosk-lead = A screen with the link sees the wall of the unit and of those below it, and opens no other page. Several screens may use it; it ends when its token is revoked.
admin-kiosk-title-hint = Where the screen hangs, such as “operations room, third floor”.
admin-kiosk-expires-hint = The link ends with this day.
admin-kiosk-link = Link for the screen (shown once)
admin-kiosk-link-hint = Open it in the screen's browser. What stands behind the “#” is sent to no server and written to no log, and is taken out of the address once it was used.
