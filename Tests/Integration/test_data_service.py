# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Capstan authors
"""The data service on the wire: ndmjob's conformance suite, what it offers, file history in all its forms, exports.

File history is held against the tree (names, types, sizes, owners, times) and against the stream on the cartridge:
each fh_info must lead to the header of its file there, read by Python's tarfile and by the layout of dump records.
"""

import io
import os
import stat
import struct
import tarfile

import ndmp_client as ndmp
import ndmp_job
from harness import Daemon, Failure, Steps, expect, temporary_folder, wait_until
from ndmjob_tool import is_installed, ndmjob, tally
from ndmp_client import ALL_ONES, ILLEGAL_ARGS, TCP
from ndmp_job import Job, Medium, log_in, read_stream, well
from tree_maker import entries, make_tree, same_tree

steps = Steps("data_service")
TYPES = {stat.S_IFDIR: 0, stat.S_IFIFO: 1, stat.S_IFCHR: 2, stat.S_IFBLK: 3, stat.S_IFREG: 4, stat.S_IFLNK: 5}


def conformance(daemon):
    for version, count in ((2, 3), (3, 24), (4, 24)):
        with steps.step(f"ndmjob -o test-data with protocol {version}: {count} of {count}"):
            if not is_installed():
                raise Failure("ndmjob is missing (Debian package amanda-common)")
            text = ndmjob("-o", "test-data", "-v", "-D", daemon.agent(version), "-B", "tar")
            expect(tally(text, "test-data") == (count, 0, 0, count), text[-3000:])


def offers(daemon, source):
    """CONFIG_GET_BUTYPE_INFO and CONFIG_GET_FS_INFO."""
    for version in (3, 4):
        with steps.step(f"backup types tar and dump with their attributes, protocol {version}"), \
                log_in(daemon, version) as client:
            types = {item["name"]: item for item in well("GET_BUTYPE_INFO", client.butypes()).types}
            expect(set(types) == {"tar", "dump"}, types)
            # Recover filelist, direct both ways, incremental both ways; then history, whose bits the versions differ in.
            wanted = 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | (0x1 | 0x200 if version == 3 else 0x200 | 0x400 | 0x800)
            for name, item in types.items():
                expect(item["attributes"] & wanted == wanted, f"{name} has 0x{item['attributes']:x}, lacks bits of "
                       f"0x{wanted:x}")
        with steps.step(f"the export is a file system that one can back up, protocol {version}"), \
                log_in(daemon, version) as client:
            systems = well("GET_FS_INFO", client.file_systems()).systems
            mine = [item for item in systems if source in (item["device"], item["physical"])]
            expect(len(mine) == 1, systems)
            disk = os.statvfs(source)
            expect(mine[0]["total"] == disk.f_blocks * disk.f_frsize, mine[0], disk)
            expect(set(mine[0]["environment"].get("AVAILABLE_BACKUP", "").split(",")) == {"tar", "dump"}, mine[0])
    with steps.step("protocol 2 knows tar and dump by GET_BUTYPE_ATTR, and nothing else"), log_in(daemon, 2) as client:
        for name in ("tar", "dump"):
            expect(client.butype_attributes(name).attributes & 0x2F == 0, client.butype_attributes(name))
        expect(client.butype_attributes("cpio").error == ILLEGAL_ARGS, client.butype_attributes("cpio"))


# --- file history -----------------------------------------------------------------------------------------------------

def check_stat(path, told, real, version):
    """A file_stat against lstat."""
    expect(told.type == TYPES[stat.S_IFMT(real.st_mode)], f"type of {path}: {told.type}")
    expect(told.mode & 0o7777 == stat.S_IMODE(real.st_mode), f"mode of {path}: {told.mode:o}")
    expect((told.owner, told.group) == (real.st_uid, real.st_gid), f"owner of {path}: {told.owner}, {told.group}")
    expect(told.mtime == int(real.st_mtime), f"mtime of {path}: {told.mtime} and not {real.st_mtime}")
    if stat.S_ISREG(real.st_mode):
        expect(told.size == real.st_size, f"size of {path}: {told.size}")
    if version > 2 and not stat.S_ISDIR(real.st_mode):
        expect(told.links == real.st_nlink, f"links of {path}: {told.links} and not {real.st_nlink}")


def check_tar_header(stream, offset, path, real, tree):
    """The member that begins at this offset is that file, for a hard link perhaps under its first name."""
    expect(offset % 512 == 0 and offset < len(stream), f"fh_info {offset} of {path}")
    with tarfile.open(fileobj=io.BytesIO(stream[offset:offset + (1 << 20)])) as archive:
        member = archive.next()
    name = os.fsencode(member.name).removeprefix(b"./").strip(b"/")
    name = b"" if name == b"." else name
    same = name in tree and tree[name].st_ino == real.st_ino
    expect(name == path or (same and real.st_nlink > 1), f"fh_info {offset} of {path} leads to {member.name!r}")
    if stat.S_ISREG(real.st_mode) and member.isreg():
        expect(int(member.pax_headers.get("GNU.sparse.realsize", member.size)) == real.st_size, member.size)


def check_dump_header(stream, offset, path, node):
    """A TS_INODE record (type 2, magic 60012, checksum 84446) with the node's number begins at this offset."""
    expect(offset % 1024 == 0 and offset < len(stream), f"fh_info {offset} of {path}")
    words = struct.unpack_from("<256i", stream, offset)
    expect(words[0] == 2 and words[6] == 60012, f"no TS_INODE record at {offset}, fh_info of {path}: {words[:8]}")
    expect(sum(words) & 0xFFFFFFFF == 84446, f"checksum of the record at {offset}")
    expect(words[5] & 0xFFFFFFFF == node, f"inode {words[5]} at {offset} for {path}, whose node is {node}")


def check_order(history):
    """The rules for ADD_DIR and ADD_NODE: root first, a directory's entries together, an entry before its node."""
    expect(history.dirs[0][0] == b"." and history.dirs[1][0] == b"..", history.dirs[:3])
    root = history.dirs[0][1]
    expect(history.dirs[0][1:] == (root, root) and history.dirs[1][1:] == (root, root), history.dirs[:3])
    current, done, above = None, set(), {root: root}
    for index, (name, node, parent) in enumerate(history.dirs):
        expect(name and b"/" not in name, f"the name {name}")
        if name == b".":
            expect(node == parent and node not in done, f"second or wrong '.' of {node}")
            if current is not None:
                done.add(current)
            current = node
            following = history.dirs[index + 1]
            expect(following[0] == b"..", f"'..' does not follow '.' of {node}")
            expect(following[1] == above.get(node) and following[2] == node, f"'..' of {node}: {following}")
        elif name != b"..":
            expect(parent == current, f"{name} of {parent} stands among those of {current}")
            above[node] = parent
    seen = set()
    for kind, node in history.order:
        expect(kind == "dir" or node in seen, f"the node {node} comes before its entry")
        seen.add(node)
    numbers = [node for node, _ in history.nodes]
    expect(len(numbers) == len(set(numbers)), "a node twice")
    expect(not {0, ALL_ONES, ndmp.ALL_ONES_32} & set(numbers), "a reserved node number")


def history_round(daemon, source, tree, kind, version, form):
    wanted = {"f": "files", "d": "nodes", "y": "files" if kind == "tar" else "nodes", "n": None}[form]
    with steps.step(f"file history HIST={form} of {kind}, protocol {version}"):
        job = Job(daemon, daemon, [Medium("slot:1")], version=version)
        with job:
            job.backup(kind, {"FILESYSTEM": source, "HIST": form, "TYPE": kind, "UPDATE": "n"}).succeeded()
            history = job.data.history
            environment = {name.decode(): value for name, value in job.result}
        codes = {None: set(), "files": {0x700} if version == 2 else {0x703},
                 "nodes": {0x701, 0x702} if version == 2 else {0x704, 0x705}}[wanted]
        expect(set(history.codes) == codes, [hex(code) for code in set(history.codes)])
        expect(environment.get("FILESYSTEM") == os.fsencode(source), environment)
        expect(environment.get("PATHNAME_SEPARATOR") == b"/", environment)
        if wanted is None:
            return
        expect(history.largest <= 128 << 10, f"a post of {history.largest} bytes")
        found = history.paths()
        expect(set(found) == set(tree), "names differ:", sorted(set(found) ^ set(tree))[:5])
        stream = read_stream(daemon, job.media)
        if wanted == "nodes":
            check_order(history)
        else:
            expect(all(path[:1] == b"/" or path[:2] == b"./" for path, _, _ in history.files), history.files[:3])
        shared = {}
        for path, (node, told) in found.items():
            real = tree[path]
            check_stat(path, told, real, version)
            if node is not None:
                expect(shared.setdefault((real.st_dev, real.st_ino), node) == node, f"two nodes of {path}")
            if kind == "tar" and (wanted == "files" or real.st_nlink == 1):
                check_tar_header(stream, told.offset, path, real, tree)
            elif kind == "dump" and node is not None:
                check_dump_header(stream, told.offset, path, node)


def histories(daemon, source):
    tree = entries(source)
    for kind in ("tar", "dump"):
        for version in (2, 3, 4):
            for form in "fd":
                history_round(daemon, source, tree, kind, version, form)
        for form in "yn":
            history_round(daemon, source, tree, kind, 4, form)


# --- environment ------------------------------------------------------------------------------------------------------

def selections(daemon, source, target):
    """EXCLUDE and FILES at the backup, renaming and START_RECOVER_FILEHIST at the recovery."""
    for kind in ("tar", "dump"):
        with steps.step(f"EXCLUDE leaves out names and paths, {kind}"), \
                Job(daemon, daemon, [Medium("slot:2")]) as job:
            pairs = [("FILESYSTEM", source), ("HIST", "f"), ("UPDATE", "n"), ("EXCLUDE", "f0001*"), ("EXCLUDE", "odd")]
            job.backup(kind, pairs).succeeded()
            wanted = {path for path in entries(source)
                      if not path.rsplit(b"/", 1)[-1].startswith(b"f0001") and path.split(b"/")[0] != b"odd"}
            got = set(job.data.history.paths())
            expect(got == wanted, sorted(got ^ wanted)[:5])
        with steps.step(f"a folder to another place under another name, one file to a third, {kind}"):
            with Job(daemon, daemon, [Medium("slot:2")]) as job:
                job.backup(kind, {"FILESYSTEM": source, "HIST": "n", "UPDATE": "n"}).succeeded()
                result, media = job.result, job.media
            folder, other = f"{target}/{kind}/moved/folder", f"{target}/{kind}/one file"
            with Job(daemon, daemon, media) as job:
                names = [(b"/attributes", folder.encode()), (b"odd/new\nline", other.encode())]
                job.recover(kind, result, names).succeeded()
                expect(job.data.recovered == {b"/attributes": 0, b"odd/new\nline": 0}, job.data.recovered)
            same_tree(f"{source}/attributes", folder, precision=1000)
            with open(os.fsencode(source) + b"/odd/new\nline", "rb") as one, open(other, "rb") as two:
                expect(one.read() == two.read())
        with steps.step(f"a name that is not in the stream is told, the rest is recovered, {kind}"):
            there = f"{target}/{kind}/there"
            with Job(daemon, daemon, media) as job:
                job.recover(kind, result, [(b"/no/such", f"{there}-not".encode()), (b"/plain/f00003", there.encode())])
                job.succeeded()
                expect(job.data.recovered == {b"/no/such": 2, b"/plain/f00003": 0}, job.data.recovered)
            expect(os.path.getsize(there) == os.path.getsize(f"{source}/plain/f00003"))
            expect(not os.path.exists(f"{there}-not"), "something was made for a name that is not there")
        with steps.step(f"START_RECOVER_FILEHIST tells the history and writes nothing, {kind}"):
            before = entries(target)
            with Job(daemon, daemon, media) as job:
                job.recover(kind, [*result, (b"HIST", b"f")], code=0x40B).succeeded()
                got = set(job.data.history.paths())
            expect(got == set(entries(source)), sorted(got ^ set(entries(source)))[:5])
            expect(entries(target).keys() == before.keys(), "it wrote something")


def three_way_log(daemon):
    """LOG messages come while a job runs, and DATA_ABORT ends one."""
    with steps.step("DATA_ABORT in CONNECTED and the state afterwards"), log_in(daemon) as data, \
            log_in(daemon) as tape:
        daemon.run("load", "3", "0")
        well("TAPE_OPEN", tape.tape_open(daemon.tapes[0]))
        well("SET_RECORD_SIZE", tape.mover_record_size(10_240))
        well("SET_WINDOW", tape.mover_window(0, ALL_ONES))
        host, port = well("MOVER_LISTEN", tape.mover_listen(ndmp.TO_TAPE)).address
        well("DATA_CONNECT", data.data_connect(TCP, host, port))
        expect(data.data_state().state == ndmp_job.CONNECTED, data.data_state())
        expect(data.data_stop().error == ndmp.ILLEGAL_STATE)
        well("DATA_ABORT", data.data_abort())
        wait_until(lambda: data.data_state().state == ndmp_job.HALTED, "HALTED")
        expect(("data halted", ndmp_job.ABORTED) in data.events, data.events)
        well("DATA_STOP", data.data_stop())
        wait_until(lambda: tape.mover_state().state == ndmp.HALTED, "the mover sees the end")
        well("MOVER_STOP", tape.mover_stop())
        well("TAPE_CLOSE", tape.tape_close())
        daemon.run("unload", "0")


with temporary_folder() as work:
    tree_path, target_path = os.path.join(work, "source"), os.path.join(work, "target")
    os.makedirs(target_path)
    make_tree(tree_path, seed=7, plain=60, mean=3_000)
    with Daemon(arguments=["--export", f"{tree_path}:ro", "--export", target_path]) as capstan:
        conformance(capstan)
        offers(capstan, tree_path)
        histories(capstan, tree_path)
        selections(capstan, tree_path, target_path)
        three_way_log(capstan)
steps.finish()
