"""The demo's site and its polls: made at the first run, and later those that a newer release has more of."""

from dataclasses import replace

from pollsvc.domain.poll import Kind, Poll, Site
from pollsvc.services.desk import Work
from pollsvc.services.editing.new_poll import NewOption, NewPoll

SITE = "The Demo Courier"

_POLLS = {
    "poll_who_won_en": NewPoll(
        "Who won?", ("Iran", "The United States", "Both", "Neither"), lang="en", articles=["en.html"]
    ),
    "poll_mourn_en": NewPoll(
        "Mourn or celebrate?", ("Mourn", "Celebrate", "Neither"), lang="en", allow_change=True
    ),
    "poll_who_won_ar": NewPoll(
        "من انتصر؟", ("إيران", "الولايات المتحدة", "كلاهما", "لا أحد"), lang="ar", articles=["ar.html"]
    ),
    "poll_mourn_ar": NewPoll(
        "حداد أم احتفال؟", ("حداد", "احتفال", "لا هذا ولا ذاك"), lang="ar", allow_change=True
    ),
    "poll_clocks": NewPoll(
        "Should the clocks stop changing?",
        ("Yes, with summer time all year", "Yes, with winter time all year", "No, change them as now"),
    ),
    "poll_trains": NewPoll(
        "Would you take a night train instead of a flight?", ("Yes", "If it cost no more", "No")
    ),
    "poll_phones": NewPoll(
        "Should phones stay out of schools?", ("Yes, for the whole day", "In lessons only", "No")
    ),
    "poll_buses": NewPoll(
        "Should buses be free for everybody?", ("Yes", "For the young and the old", "No"), allow_change=True
    ),
    "poll_museums": NewPoll(
        "What should museums do with what was taken in wars?",
        ("Return it", "Lend it", "Share it in copies", "Keep it, with its story told"),
        kind=Kind.MULTIPLE,
        max_picks=2,
    ),
    "poll_cup": NewPoll("Are 48 teams too many for a World Cup?", ("Yes", "No", "I do not watch it")),
    "poll_meat": NewPoll(
        "Would you eat meat that was grown in a laboratory?",
        (
            NewOption("Yes", emoji="😋"),
            NewOption("Perhaps", emoji="🤔"),
            NewOption("No", emoji="🙅"),
            NewOption("I eat none", emoji="🌱"),
        ),
        kind=Kind.REACTION,
    ),
    "poll_tea": NewPoll("Tea or coffee?", ("Tea", "Coffee", "Neither"), allow_change=True),
    "poll_breakfast": NewPoll(
        "What belongs on a breakfast table?",
        ("Bread", "Eggs", "Fruit", "Cheese"),
        kind=Kind.RANKED,
        max_picks=3,
    ),
    "poll_week": NewPoll("Would you work four longer days a week?", ("Yes", "No", "I do already")),
    "poll_duty": NewPoll(
        "Should voting be a duty?", ("Yes, as in Australia", "No, it is a right", "Not sure")
    ),
    "poll_cash": NewPoll(
        "How do you pay at the market?", ("Coins and notes", "Card", "Phone"), kind=Kind.MULTIPLE
    ),
    "poll_mail": NewPoll(
        "Do you open newsletters in the morning?", ("Yes, with breakfast", "Later in the day", "Hardly ever")
    ),
}
"""By their names in the pages; the articles of those that the page does not name, by path."""

CITIES = (
    *("Amman", "Ankara", "Athens", "Baghdad", "Beirut", "Berlin", "Cairo", "Dhaka", "Doha", "Istanbul"),
    *("Jakarta", "Karachi", "Kuala Lumpur", "Kuwait City", "Lagos", "London", "Madrid", "Mumbai", "Nairobi"),
    *("Paris", "Rabat", "Riyadh", "Tehran", "Toronto", "Tunis"),
)


def _asked_of(city: str) -> tuple[NewPoll, ...]:
    return (
        NewPoll(f"Should buses in {city} be free?", ("Yes", "For the young and the old", "No")),
        NewPoll(f"What does {city} need most?", ("Homes", "Trees", "Buses and trains", "Jobs")),
        NewPoll(f"Is {city} a good place to grow old?", ("Yes", "No", "I cannot say")),
        NewPoll(f"How well can one cycle in {city}?", kind=Kind.RATING, scale=5),
    )


async def have_site(work: Work, origins: list[str]) -> Site:
    """The demo's site, whose pages are at these origins at least."""
    sites = [site for site in await work.sites.all() if site.name == SITE]
    if not sites:
        return await work.sites.add(SITE, origins, percent_from=1)
    if sites[0].origins.issuperset(origins):
        return sites[0]
    return await work.sites.change(sites[0].id, origins=[*sites[0].origins, *origins])


async def have_polls(work: Work, site: Site, publisher: str) -> tuple[dict[str, Poll], dict[str, list[Poll]]]:
    """The polls by their names in the pages, and those of the archive by city.

    They are known by their questions, so that an older demo's votes are kept.
    """
    known = {poll.question[poll.lang]: poll for poll in await work.editing.polls(site)}

    async def have(new: NewPoll) -> Poll:
        question = str(new.question)
        if question not in known:
            placed = replace(new, articles=[f"{publisher}/{path}" for path in new.articles])
            known[question] = await work.editing.create_poll(site, placed)
        return known[question]

    named = {name: await have(new) for name, new in _POLLS.items()}
    by_city = {city: [await have(new) for new in _asked_of(city)] for city in CITIES}
    return named, by_city
