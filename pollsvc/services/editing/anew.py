"""A poll asked for once more, from nothing: as a copy, or in the place of the one that there is."""

from dataclasses import replace

from pollsvc.domain.poll import Poll
from pollsvc.services.editing.definitions import most_options
from pollsvc.services.editing.new_poll import NewOption, NewPoll


def anew(new: NewPoll, before: Poll) -> NewPoll:
    """What is asked to become of a poll, as a poll of its own.

    Retired options are left out, and so are those that readers wrote, once there are too many; the others get
    new ids. No more picks are asked for than are left.
    """
    written = {option.id for option in before.options if option.write_in is not None}
    given = [NewOption(option) if isinstance(option, str) else option for option in new.options]
    given = [option for option in given if not option.retired]
    room = most_options(new.kind) - sum(option.id not in written for option in given)
    options = []
    for option in given:
        if option.id in written:
            room -= 1
            if room < 0:
                continue
        options.append(replace(option, id=None))
    most = max(len(options) + new.write_in, 1)
    return replace(
        new,
        options=options,
        min_picks=None if new.min_picks is None else min(new.min_picks, most),
        max_picks=None if new.max_picks is None else min(new.max_picks, most),
    )
