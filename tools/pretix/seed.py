"""Makes an organizer to be read, in the pretix of this interpreter, and prints
how to reach it. Run by the test of a real pretix, on an empty database."""

import json
import os
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pretix.settings")

import django  # noqa: E402

django.setup()

from django_scopes import scopes_disabled  # noqa: E402
from pretix.base.models import (  # noqa: E402
    Event, Organizer, Question, Team, TeamAPIToken, User,
)


def i18n(fr, en):
    from i18nfield.strings import LazyI18nString
    return LazyI18nString({"fr": fr, "en": en})


with scopes_disabled():
    organizer = Organizer.objects.create(name="Théâtre des Arcades", slug="arcades", plugins="")
    organizer.settings.customer_accounts = True
    organizer.settings.set("timezone", "Europe/Paris")
    organizer.settings.name_scheme = "given_family"

    soon = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=30)
    event = Event.objects.create(
        organizer=organizer, name=i18n("Saison 26-27", "Season 26-27"), slug="saison", date_from=soon, currency="EUR", live=True, has_subevents=True,
        plugins="pretix.plugins.banktransfer,pretix.plugins.manualpayment,pretix.plugins.ticketoutputpdf",
    )
    event.settings.timezone = "Europe/Paris"
    event.settings.locales = ["fr", "en"]
    event.settings.locale = "fr"
    event.settings.name_scheme = "given_family"
    event.settings.attendee_names_asked = True
    event.settings.attendee_emails_asked = True

    reduced_tax = event.tax_rules.create(name=i18n("TVA 5,5 %", "VAT 5.5 %"), rate=Decimal("5.50"))
    full = event.items.create(name=i18n("Plein tarif", "Full price"), default_price=Decimal("28.00"), tax_rule=reduced_tax, admission=True, personalized=True)
    reduced = event.items.create(name=i18n("Tarif réduit", "Reduced price"), default_price=Decimal("18.00"), tax_rule=reduced_tax, admission=True, personalized=True)
    programme = event.items.create(name=i18n("Programme", "Programme"), default_price=Decimal("5.00"), admission=False)
    dates = [
        event.subevents.create(name=i18n("La Traversée", "The Crossing"), date_from=soon, active=True),
        event.subevents.create(name=i18n("Les Gabians", "The Gulls"), date_from=soon + timedelta(days=7), active=True),
    ]
    lists = {}
    for date in dates:
        quota = event.quotas.create(name="Salle", size=200, subevent=date)
        quota.items.add(full, reduced, programme)
        lists[date.pk] = event.checkin_lists.create(name="Entrée", all_products=True, subevent=date).pk
    question = event.questions.create(question=i18n("Recevoir la lettre ?", "Newsletter?"), type=Question.TYPE_BOOLEAN, required=False, identifier="NEWSLTR")
    question.items.add(full, reduced)
    membership = organizer.membership_types.create(name=i18n("Carte Arcades", "Arcades card"))

    team = Team.objects.create(organizer=organizer, name="API", all_events=True, all_event_permissions=True, all_organizer_permissions=True)
    user = User.objects.create_user("caisse@arcades.example", "correct-horse-arcades")
    team.members.add(user)
    token = TeamAPIToken.objects.create(team=team, name="parvis")

    json.dump({
        "token": token.token, "organizer": organizer.slug, "event": event.slug, "full": full.pk, "reduced": reduced.pk, "programme": programme.pk,
        "dates": [d.pk for d in dates], "checkin_lists": [lists[d.pk] for d in dates], "question": question.pk, "membership_type": membership.pk,
    }, sys.stdout)
