from __future__ import annotations

from pathlib import Path

import pytest

from dialplan.render import (
    WHISPER_SCRIPT,
    Entry,
    VoiceHost,
    render_entry,
    render_manager_user,
    render_whisper,
)

ROOT = Path(__file__).parents[3]
SNIPPETS = ROOT / "etc" / "asterisk"


def uncommented(name: str) -> str:
    lines = (SNIPPETS / name).read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line and not line.startswith(";")) + "\n"


def test_snippets_are_what_is_rendered() -> None:
    assert uncommented("extensions.conf") == render_entry(Entry(), VoiceHost())
    assert uncommented("extensions-script.conf") == render_entry(Entry())
    whisper = render_whisper("orderline-whisper", VoiceHost())
    assert uncommented("extensions-whisper.conf") == whisper
    assert uncommented("manager.conf") == render_manager_user("orderline", "CHANGE-ME")


def test_readme_has_the_same_lines() -> None:
    readme = (ROOT / "README.rst").read_text("utf-8")
    wanted = render_entry(Entry(), VoiceHost()) + render_manager_user("orderline", "CHANGE-ME")
    missing = [line for line in wanted.splitlines() if line not in readme]
    assert not missing


def test_entry_takes_every_choice() -> None:
    entry = Entry("from-trunk", "_X.", "sales", "Dial(PJSIP/200&PJSIP/201,30,tT)")
    text = render_entry(entry, VoiceHost("voice.example", 4600))
    assert text.startswith("[from-trunk]\nexten => _X.,1,")
    assert ",AGI(agi://voice.example:4600/sales)\n" in text
    assert "n(human),Dial(PJSIP/200&PJSIP/201,30,tT)\n" in text


def test_a_box_for_messages_stands_in_the_entry_when_there_is_one() -> None:
    text = render_entry(Entry(voicemail="VoiceMail(100@default,u)"), VoiceHost())
    without = render_entry(Entry(), VoiceHost())
    added = [line for line in text.splitlines() if line not in without.splitlines()]
    assert added == [
        ' same => n,GotoIf($["${ORDERLINE_RESULT}" = "voicemail"]?voicemail)',
        " same => n(voicemail),VoiceMail(100@default,u)",
        ' same => n,GotoIf($["${VMSTATUS}" = "FAILED"]?human)',
        " same => n,Hangup()",
    ]
    assert text.index("?voicemail") < text.index("n(human)") < text.index("n(voicemail)")


def test_entry_forgets_an_older_result_before_it_calls() -> None:
    lines = render_entry(Entry(), VoiceHost()).splitlines()
    forget = next(n for n, line in enumerate(lines) if "Set(ORDERLINE_RESULT=)" in line)
    call = next(n for n, line in enumerate(lines) if "AGI(" in line)
    assert forget < call


@pytest.mark.parametrize(
    "entry",
    [
        Entry(context="a b"),
        Entry(context="a]\n[b"),
        Entry(extension="600,1"),
        Entry(extension=""),
        Entry(profile="x)\nsame => n,System(rm"),
        Entry(profile="a/../b c"),
        Entry(human="Queue(a);comment"),
        Entry(human="Queue(a)\nexten => 1,1,System(id)"),
        Entry(human="Queue"),
        Entry(human=""),
    ],
)
def test_entry_refuses_what_would_break_the_dialplan(entry: Entry) -> None:
    with pytest.raises(ValueError, match="cannot stand in a dialplan"):
        render_entry(entry, VoiceHost())


@pytest.mark.parametrize("voice", [VoiceHost("a b"), VoiceHost("h)", 1), VoiceHost("h", 0)])
def test_entry_refuses_a_wrong_voice_host(voice: VoiceHost) -> None:
    with pytest.raises(ValueError):
        render_entry(Entry(), voice)


def test_only_with_call_backs_may_calls_be_placed() -> None:
    assert "originate" not in render_manager_user("orderline", "CHANGE-ME")
    wanted = render_manager_user("orderline", "CHANGE-ME", callbacks=True)
    (line,) = [line for line in wanted.splitlines() if "originate" in line]
    assert line == "write = call,reporting,user,originate"
    assert line in (ROOT / "docs" / "callbacks.rst").read_text("utf-8")
    assert line in (SNIPPETS / "manager.conf").read_text("utf-8")


@pytest.mark.parametrize(
    ("user", "secret", "permit"),
    [
        ("a b", "long-enough", "127.0.0.1"),
        ("orderline", "short", "127.0.0.1"),
        ("orderline", "with;comment", "127.0.0.1"),
        ("orderline", "two\nlines-of-it", "127.0.0.1"),
        ("orderline", "long-enough", "everywhere"),
    ],
)
def test_manager_user_refuses_wrong_values(user: str, secret: str, permit: str) -> None:
    with pytest.raises(ValueError):
        render_manager_user(user, secret, permit)


def test_the_whisper_names_no_profile_and_marks_the_caller_as_served() -> None:
    text = render_whisper("to-humans", VoiceHost("voice.example", 4600))
    assert text.startswith("[to-humans]\nexten => s,1,")
    assert f",AGI(agi://voice.example:4600/{WHISPER_SCRIPT},${{ARG1}})\n" in text
    marked = '?Set(MASTER_CHANNEL(ORDERLINE_RESULT)=completed)'
    assert f'ExecIf($["${{GOSUB_RESULT}}" = ""]{marked})' in text
    assert text.endswith("Return()\n")


def test_a_whisper_that_stands_still_can_be_left_and_is_not_tried_again() -> None:
    lines = render_whisper("w", VoiceHost()).splitlines()
    call = next(n for n, line in enumerate(lines) if "AGI(" in line)
    before = "\n".join(lines[:call])
    assert "Set(AGIEXITONHANGUP=yes)" in before
    assert 'GotoIf($["${ORDERLINE_WHISPER}" = "no"]?taken)' in before
    assert lines[call + 1].startswith(" same => n(taken),")


def test_a_whisper_context_that_no_dialplan_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="whisper context"):
        render_whisper("a]b", VoiceHost())
