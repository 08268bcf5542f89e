"""Schedules the plan in a file with MPXJ and with a pass written over networkx, and prints how long each takes.

Time on the processor, of all threads: the Java runtime compiles on others. networkx knows no calendars: its pass counts every minute, and is so far easier than what it is compared with.
"""

import sys
import time
import xml.etree.ElementTree as ElementTree


def mpxj(path):
    try:
        import jpype
        import mpxj  # noqa: F401  puts its archives on the class path
    except ImportError as error:
        print(f"MPXJ: not here ({error})")
        return
    jpype.startJVM("-Xmx4g")
    from org.mpxj.cpm import MicrosoftScheduler
    from org.mpxj.reader import UniversalProjectReader

    began = time.process_time()
    project = UniversalProjectReader().read(path)
    read = time.process_time() - began
    start = project.getProjectProperties().getStartDate()
    # The second round finds the code compiled.
    for round in ("first", "second"):
        began = time.process_time()
        try:
            MicrosoftScheduler().schedule(project, start)
            outcome = "done"
        except jpype.JException as error:
            outcome = f"refused: {error}"
        print(f"MPXJ MicrosoftScheduler, {round} round: {time.process_time() - began:.2f} s ({outcome}); read in {read:.2f} s")


def networkx(path):
    try:
        import networkx
    except ImportError as error:
        print(f"networkx: not here ({error})")
        return
    space = "{http://schemas.microsoft.com/project}"
    graph = networkx.MultiDiGraph()
    for task in ElementTree.parse(path).iter(f"{space}Task"):
        uid = task.findtext(f"{space}UID")
        hours, minutes = task.findtext(f"{space}Duration")[2:].split("M")[0].split("H")
        graph.add_node(uid, duration=int(hours) * 60 + int(minutes))
        for link in task.iter(f"{space}PredecessorLink"):
            kind = int(link.findtext(f"{space}Type"))
            lag = int(link.findtext(f"{space}LinkLag")) // 10
            graph.add_edge(link.findtext(f"{space}PredecessorUID"), uid, kind=kind, lag=lag)
    began = time.process_time()
    order = list(networkx.topological_sort(graph))
    duration = dict(graph.nodes(data="duration"))
    # By the number of the kind, FF, FS, SF, SS: whether it is from the finish, and to the finish.
    from_finish, to_finish = (1, 1, 0, 0), (1, 0, 1, 0)
    early = {}
    for node in order:
        start = 0
        for before, _, link in graph.in_edges(node, data=True):
            kind = link["kind"]
            at = early[before] + from_finish[kind] * duration[before] + link["lag"]
            start = max(start, at - to_finish[kind] * duration[node])
        early[node] = start
    finish = max(early[node] + duration[node] for node in order)
    late = {}
    for node in reversed(order):
        start = finish - duration[node]
        for _, after, link in graph.out_edges(node, data=True):
            kind = link["kind"]
            at = late[after] + to_finish[kind] * duration[after] - link["lag"]
            start = min(start, at - from_finish[kind] * duration[node])
        late[node] = start
    took = time.process_time() - began
    print(f"networkx, both passes without calendars or constraints: {took:.2f} s; of {len(order)} / {graph.number_of_edges()}")


if __name__ == "__main__":
    mpxj(sys.argv[1])
    networkx(sys.argv[1])
