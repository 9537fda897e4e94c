"""Shows in a view what it has been given: the map, the header's words, what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from engine.saliency.derived import title
from viewer.canvas.overlay import Overlay
from viewer.canvas.view import ImageView
from viewer.compare import titles
from viewer.compare.board import Board, Subject
from viewer.compare.veil import Veil
from viewer.state import AppState
from viewer.state.analysis import MapStatus, is_slow
from viewer.state.privacy import Privacy

EMPTY = "Click the title to choose what to show here, or drop a case from the list."


def show_overlay(view: ImageView, overlay: Overlay | None) -> None:
    """Lay a map over a view, unless it lies there already in that style."""
    now = view.overlay
    same = (
        overlay is now
        if overlay is None or now is None
        else overlay.map is now.map and overlay.style == now.style
    )
    if not same:
        view.set_overlay(overlay)


def show_header(
    view: ImageView, subject: Subject, others: Sequence[Subject], far: str, state: AppState
) -> None:
    """Say in a view's header what it shows.

    others: what all views show. far: how far the slice is from the one being read, "" where it
    is that one.
    """
    model = ""
    if subject.session is not None:
        about = subject.session.checkpoint.metadata
        model = f"{about.name} {about.version}"
    says = titles.subtitle(subject, others, model, brief=view.header.is_tall)
    says = f"{far} · {says}" if far and says else far or says
    clean = state.privacy.clean
    view.set_title(clean(titles.name(subject)), clean(says))
    view.header.set_tag(*map(clean, titles.tag(subject, state.case)))
    view.header.set_warning("gate shut" if titles.shut(subject) else "", titles.shut(subject))


def show_score(view: ImageView, subject: Subject, board: Board) -> None:
    """Show in a view's header how well its map agrees with what is drawn, as it is now."""
    text, tip, weak = titles.score(board.live(subject), brief=view.header.is_tall)
    view.header.set_score(text, tip, weak=weak)


def show_veil(veil: Veil, subject: Subject, board: Board, privacy: Privacy) -> None:
    """Say over a view what it waits for or why it shows nothing, and offer what can be done."""
    low = subject.image is not None
    slow = subject.entry is not None and is_slow(subject.entry.name)
    if subject.content.empty:
        veil.say(EMPTY, low=False)
    elif subject.problem:
        again = partial(board.again, subject)
        problem = privacy.sentence(subject.problem)
        veil.say(problem, low=low, button="Try again", act=again)
    elif subject.waiting and (slow or subject.entry is None):
        cancel = partial(board.cancel, subject)
        loading = subject.entry is None and low  # a checkpoint, which cannot say how far it is
        veil.say(
            privacy.clean(subject.waiting),
            low=low,
            fraction=None if loading else subject.fraction,
            button="" if loading else "Cancel",
            act=cancel,
        )
    elif slow and subject.entry is not None and subject.entry.status is MapStatus.ABSENT:
        compute = partial(board.request, subject)
        veil.say("", low=True, button=f"Compute {title(subject.entry.name)}", act=compute)
    else:
        veil.clear()
