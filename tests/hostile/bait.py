"""Files that ask whoever opens them to open something else: another file, or an address."""

from collections.abc import Callable

from tests.hostile import mpeg, mpeg4

SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n"
FRAME = b"\xff\xfb\x90\x64" + bytes(413)

PLAYLISTS = {
    "m3u8 of an address": "#EXTM3U\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n",
    "m3u8 of a file": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "m3u8 of a relative file": "#EXTM3U\n#EXTINF:2,\n../../canaries/canary.mp3\n#EXT-X-ENDLIST\n",
    "m3u8 with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:2,\nfile://{path}\n#EXT-X-ENDLIST\n',
    "m3u8 of a part of a file": "#EXTM3U\n#EXTINF:2,\nsubfile,,start,0,end,0,,:{path}\n#EXT-X-ENDLIST\n",
    "m3u8 in m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
    "ffconcat of a file": "ffconcat version 1.0\nfile '{path}'\n",
    "ffconcat of an address": "ffconcat version 1.0\nfile '{url}'\n",
    "a line with a file": "file://{path}",
    "a line of the concat protocol": "concat:{path}|{path}",
    "pls": "[playlist]\nFile1={url}\n",
    "mpd": '<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>',
    "xspf": "<playlist><trackList><track><location>file://{path}</location></track></trackList></playlist>",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "sdp": SDP,
    "ffmetadata": ";FFMETADATA1\ntitle=file://{path}\n",
    "image pattern": "{path}%d",
}


def playlists() -> dict[str, Callable[[str, str, int], bytes]]:
    """By name, from address, path and port. Each playlist comes as it is, after a tag and after frames of MP3."""

    def spelled(text: str, before: bytes) -> Callable[[str, str, int], bytes]:
        return lambda url, path, port: before + text.format(url=url, path=path, port=port).encode()

    ways = {"": b"", ", after a tag": mpeg.id3(mpeg.frame(b"TIT2", b"\0x")), ", after two frames": FRAME * 2}
    return {f"{name}{how}": spelled(text, before) for name, text in PLAYLISTS.items() for how, before in ways.items()}


FILES: dict[str, Callable[[str, str, int], bytes]] = {
    **playlists(),
    "m4a whose samples are in a file": lambda url, path, port: mpeg4.referring(f"file://{path}"),
    "m4a whose samples are at a path": lambda url, path, port: mpeg4.referring(path),
    "m4a whose samples are at an address": lambda url, path, port: mpeg4.referring(url),
    "m4a whose samples are behind an alias": lambda url, path, port: mpeg4.referring_by_alias(path),
    "m4a whose samples are behind a relative alias": lambda url, path, port: mpeg4.referring_by_alias(
        "../../canaries/canary.mp3"
    ),
    "a cover at an address": lambda url, path, port: mpeg.apic(url.encode(), b"-->") + mpeg.good(),
    "a cover that includes a file": lambda url, path, port: (
        mpeg.apic(f'<svg><image href="file://{path}"/></svg>'.encode(), b"image/svg+xml") + mpeg.good()
    ),
}
