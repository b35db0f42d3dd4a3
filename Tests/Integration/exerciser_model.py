# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The model of the mounted tree's exerciser: where each cartridge is, what mv and mkdir answer, and how a library at
rest looks through every door."""

import errno
import json
import os
import re
import stat

from harness import expect
from mount_rig import said

SHELF = "shelf"
# Event times are whole milliseconds of the same clock.
CLOCK_SECONDS = 0.002


class Model:
    """Which cartridge is where. Places are named as the tree names them: `slots/3`, `shelf`."""

    def __init__(self, place, slots, mail, drives):
        self.place, self.slots, self.mail, self.drives = place, slots, mail, drives

    @classmethod
    def of(cls, daemon):
        with open(daemon("library.json"), encoding="utf-8") as file:
            return cls.of_text(file.read())

    @classmethod
    def of_text(cls, text):
        library = json.loads(text)
        model = cls(
            {item["barcode"]: item["place"] for item in library["cartridges"]},
            *([f"{name}/{item['number']}" for item in library[key]]
              for name, key in (("slots", "slots"), ("mail", "mailSlots"), ("drives", "drives"))),
        )
        model.library = library
        return model

    def check(self):
        """What one library.json says agrees with itself."""
        library = self.library
        expect(len(self.place) == len(library["cartridges"]), "a cartridge is listed twice")
        elements = {}
        for name, key in (("slots", "slots"), ("mail", "mailSlots"), ("drives", "drives")):
            for item in library[key]:
                if item["barcode"]:
                    elements[f"{name}/{item['number']}"] = item["barcode"]
        inside = {place: barcode for barcode, place in self.place.items() if place != SHELF}
        expect(elements == inside, "elements and cartridges disagree:", elements, inside)
        counts = library["counts"]
        expect(counts["cartridges"] == len(self.place), counts)
        expect(counts["shelf"] == len(self.place) - len(inside), counts)
        expect(counts["freeSlots"] == len([place for place in self.slots if place not in inside]), counts)

    @property
    def cartridges(self):
        return sorted(self.place)

    def places(self):
        return [*self.slots, *self.mail, *self.drives, SHELF]

    def names(self, place):
        return sorted(barcode for barcode, where in self.place.items() if where == place)

    def is_full(self, place):
        return place != SHELF and place in self.place.values()

    def free_mail(self):
        return next((place for place in self.mail if not self.is_full(place)), None)

    def move(self, barcode, source, target):
        expect(self.place.get(barcode) == source, barcode, "is in", self.place.get(barcode), "not in", source)
        expect(source == target or not self.is_full(target), target, "is full")
        self.place[barcode] = target

    def make(self, barcode, place):
        expect(barcode not in self.place and not self.is_full(place), barcode, place)
        self.place[barcode] = place

    @staticmethod
    def reference(place):
        """As the command line writes it."""
        kind, _, number = place.partition("/")
        return {"slots": "slot:", "mail": "mail:", "drives": "drive:"}[kind] + number

    # What calls answer.

    def rename_codes(self, barcode, source, target, new_name, held):
        if self.place.get(barcode) != source:
            return (errno.ENOENT,)
        if new_name != barcode:
            return (errno.EPERM,)
        if source == target:
            return (0,)
        if source == SHELF and target in self.drives:
            return (errno.EPERM,)
        if self.is_full(target):
            return (errno.ENOTEMPTY,) if source not in held else (errno.ENOTEMPTY, errno.EBUSY)
        if source in held:
            return (errno.EBUSY,)
        if target == SHELF and source not in self.mail and not self.free_mail():
            return (errno.EBUSY,)
        return (0,)

    def make_codes(self, barcode, place):
        if barcode in self.names(place):
            return (errno.EEXIST,)
        if place in self.drives:
            return (errno.EPERM,)
        if not re.fullmatch(r"[A-Z0-9_-]{1,32}", barcode):
            return (errno.EINVAL,)
        if barcode in self.place:
            return (errno.EEXIST,)
        return (errno.ENOTEMPTY,) if self.is_full(place) else (0,)

    def operator_succeeds(self, barcode, source, target):
        if target == SHELF:
            return source in self.mail or bool(self.free_mail())
        return source == target or not self.is_full(target)


class Journal:
    """The daemon's own account of what happened, in order: `events.jsonl` of its store, from here on."""

    def __init__(self, daemon):
        self.path, self.mine = os.path.join(daemon.store, "events.jsonl"), f"mount (uid {os.getuid()})"
        self.begin = os.path.getsize(self.path)

    def events(self):
        with open(self.path, encoding="utf-8") as file:
            file.seek(self.begin)
            return [json.loads(line) for line in file]

    def replay(self, model, done):
        """The model after all events, each of which must fit the state before it. `done`: the calls that succeeded, as
        (begun, ended, what, barcode, source, target); each is told by the journal once, in its own time."""
        told, last = [], {}
        for event in self.events():
            story = self.apply(model, event)
            if not story:
                continue
            is_mine = event.get("actor") == self.mine
            told.append({"story": story, "time": event["time"] / 1000, "open": is_mine, "before": last.get(story[1])})
            last[story[1]] = told[-1]
        # From a slot or drive to the shelf it goes through a mail slot: two lines for one call. Those are found first.
        for call in sorted(done, key=lambda call: (not self.goes_through_mail(call), call[1])):
            begun, ended, *story = call
            lines = [line for line in told if line["open"] and line["story"][1] == story[1]
                     and begun - CLOCK_SECONDS <= line["time"] <= ended + CLOCK_SECONDS and self.tells(line, story)]
            expect(lines, story, "succeeded, but the journal has nothing of it between", begun, "and", ended)
            lines[0]["open"] = False
            if self.goes_through_mail(call):
                lines[0]["before"]["open"] = False
        rest = [(line["story"], line["time"]) for line in told if line["open"]]
        expect(not rest, "the journal has what no call did:", rest)
        return model

    @staticmethod
    def goes_through_mail(call):
        return call[5] == SHELF and call[2] == "move" and not call[4].startswith("mail/")

    @staticmethod
    def tells(line, story):
        what, barcode, source, target = story
        if what != "move" or target != SHELF:
            return line["story"] == tuple(story)
        if source.startswith("mail/"):
            return line["story"] == ("export", barcode, source, SHELF)
        before = line["before"]
        return (line["story"][0] == "export" and before is not None and before["open"]
                and before["story"] == ("move", barcode, source, line["story"][2]))

    def apply(self, model, event):
        """Changes the model as the event says; (what, barcode, source, target), or None when it is no move."""
        kind, barcode = event["kind"], event.get("barcode")
        if kind in ("cartridgeMoved", "cartridgeLoaded", "cartridgeUnloaded", "loadFailed", "cleaned"):
            found = re.match(r"(\S+) moved from (.+?) to (.+?)( and .*|, but .*|)\.?$", event["sentence"])
            if not found:
                return None
            source, target = (self.place(found.group(index)) for index in (2, 3))
            model.move(barcode, source, target)
            return ("move", barcode, source, target)
        if kind == "cartridgeExported":
            source = model.place[barcode]
            model.move(barcode, source, SHELF)
            return ("export", barcode, source, SHELF)
        if kind == "cartridgeImported":
            target = self.place(re.match(r"\S+ was put into (.+)\.$", event["sentence"]).group(1))
            model.move(barcode, SHELF, target)
            return ("move", barcode, SHELF, target)
        if kind == "cartridgeCreated":
            target = self.reference(event["place"]) if event.get("place") else SHELF
            model.make(barcode, target)
            return ("make", barcode, None, target)
        return None

    @staticmethod
    def place(words):
        """`mail slot 1` as the tree names it."""
        kind, _, number = words.rpartition(" ")
        return {"slot": "slots/", "mail slot": "mail/", "drive": "drives/"}[kind] + number

    @staticmethod
    def reference(text):
        kind, _, number = text.partition(":")
        return {"slot": "slots/", "mail": "mail/", "drive": "drives/"}[kind] + number


INODES = {}


def at_rest(daemon, model):
    """Nothing moves: every door tells the model's story."""
    now = Model.of(daemon)
    now.check()
    expect(now.place == model.place, "library.json:", sorted(now.place.items()), "model:", sorted(model.place.items()))
    for top, places in (("slots", model.slots), ("mail", model.mail), ("drives", model.drives)):
        expect([f"{top}/{name}" for name in os.listdir(daemon(top))] == places, top, os.listdir(daemon(top)))
    expect(os.listdir(daemon("cartridges")) == model.cartridges, os.listdir(daemon("cartridges")), model.cartridges)
    for place in model.places():
        folder = daemon(*place.split("/"))
        names = os.listdir(folder)
        fixed = ["nst", "st", "sg", "status.json"] if place in model.drives else []
        expect(names == fixed + model.names(place), place, names, model.names(place))
        for name in model.names(place):
            status = os.lstat(os.path.join(folder, name))
            expect(stat.S_ISLNK(status.st_mode), place, name)
            target = os.readlink(os.path.join(folder, name))
            expect(status.st_size == len(target), place, name, "is", status.st_size, "long")
            expect(os.path.samefile(os.path.join(folder, name), daemon("cartridges", name)), target)
            number = INODES.setdefault((daemon.point.path, name), status.st_ino)
            expect(number == status.st_ino, name, "changed its inode number")
    links = {name: os.lstat(daemon(name)).st_nlink for name in ("slots", "mail", "drives", "cartridges")}
    wanted = {"slots": len(model.slots), "mail": len(model.mail), "drives": len(model.drives),
              "cartridges": len(model.place)}
    expect(links == {name: count + 2 for name, count in wanted.items()}, links, wanted)
    with open(daemon("changer", "status"), encoding="utf-8") as file:
        shown = [line.rstrip() for line in file]
    # mtx shows the blank volume tag of an empty element too.
    robot = [line.rstrip().removesuffix(":VolumeTag=")
             for line in said("mtx", "-f", daemon.changer_sg, "status").splitlines()]
    # Of a cartridge whose old slot is taken meanwhile, mtx names any free one.
    for number, line in enumerate(shown):
        source = re.search(r"\(Storage Element (\d+) Loaded\)", line)
        if source and any(f" {source.group(1)}{kind}:Full" in " ".join(shown) for kind in ("", " IMPORT/EXPORT")):
            robot[number] = re.sub(r"\(.* Loaded\)", source.group(0), robot[number])
    different = [pair for pair in zip(shown[1:], robot[1:]) if pair[0] != pair[1]]
    expect(not different and len(shown) == len(robot), "changer/status and mtx status differ:", different)
    expect(shown[0].split(":")[1] == robot[0].split(":")[1], shown[0], robot[0])
    commanded = {place.replace("slot:", "slots/").replace("mail:", "mail/").replace("drive:", "drives/"): barcode
                 for place, barcode in daemon.places().items() if barcode}
    inside = {place: barcode for barcode, place in model.place.items() if place != SHELF}
    expect(commanded == inside, "capstan inventory:", commanded, "model:", inside)
