"""Schedules plans again with MPXJ and lists where its dates differ from those in the files.

    cargo run -p schedule_formats --example random_plans -- FOLDER 1000
    pip install mpxj            # needs a Java runtime
    python crates/schedule_formats/tests/mpxj/agree.py FOLDER

What it found, and who is right, is told in README.md beside it.
"""

import collections
import pathlib
import sys

import jpype
import mpxj  # noqa: F401  puts its archives on the class path

jpype.startJVM()

from java.time import LocalDateTime  # noqa: E402
from org.mpxj.cpm import MicrosoftScheduler  # noqa: E402
from org.mpxj.reader import UniversalProjectReader  # noqa: E402

DATES = {
    "early start": "getEarlyStart",
    "early finish": "getEarlyFinish",
    "late start": "getLateStart",
    "late finish": "getLateFinish",
}


MINUTES = {"m": 1, "h": 60, "d": 480}


def minutes(duration):
    text = str(duration)
    return round(float(text[:-1]) * MINUTES[text[-1]])


def facts(project):
    tasks = [task for task in project.getTasks() if int(task.getUniqueID()) != 0]
    found = {}
    for task in tasks:
        fact = {name: str(getattr(task, get)()) for name, get in DATES.items()}
        fact["float"] = minutes(task.getTotalSlack())
        fact["is milestone"] = float(task.getDuration().getDuration()) == 0
        fact["constraint"] = str(task.getConstraintType())
        found[int(task.getUniqueID())] = fact
    return found


def differ(own, their):
    """A milestone may stand at either edge of a break: what counts is its float."""
    if own["is milestone"] and own["float"] == their["float"]:
        return False
    return any(own[name] != their[name] for name in DATES)


def cause(ours, theirs, start):
    """The first cause that explains a plan with other dates."""
    if any(min(their[name] for name in DATES) < start <= min(ours[uid][name] for name in DATES) for uid, their in theirs.items()):
        return "MPXJ starts before the project does"
    late = ("START_NO_LATER_THAN", "FINISH_NO_LATER_THAN")
    if any(own["constraint"] in late for own in ours.values()) and any(own["float"] < 0 for own in ours.values()):
        return "MPXJ keeps an upper bound and breaks a link, where floats are negative here"
    if any(own["constraint"] not in late and own["constraint"] != "AS_SOON_AS_POSSIBLE" for own in ours.values()):
        return "a constraint on a holiday, or what follows from one"
    if any(differ(own, theirs[uid]) and own["is milestone"] for uid, own in ours.items()):
        return "a milestone beside a break, and what follows from it"
    return "something else"


def main(folder):
    plans = agreeing = 0
    causes = collections.Counter()
    shown = collections.Counter()
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        project = UniversalProjectReader().read(str(path))
        ours = facts(project)
        start = project.getProjectProperties().getStartDate()
        plans += 1
        try:
            MicrosoftScheduler().schedule(project, start)
        except jpype.JException as error:
            causes["refused: " + str(error)[:60]] += 1
            continue
        theirs = facts(project)
        differing = [uid for uid, own in ours.items() if differ(own, theirs[uid])]
        if not differing:
            agreeing += 1
            continue
        why = cause(ours, theirs, str(start))
        causes[f"kind {int(path.stem) % 8}: {why}"] += 1
        shown[why] += 1
        if shown[why] <= 3:
            uid = differing[0]
            print(f"{path.name} task {uid}: {why}\n   here {ours[uid]}\n   MPXJ {theirs[uid]}")
    print(f"{agreeing} of {plans} plans agree")
    for why, count in sorted(causes.items()):
        print(f"  {count:5} {why}")


if __name__ == "__main__":
    main(sys.argv[1])
