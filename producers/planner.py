"""Plans one simulated case from its submission to its end: what happens, when, and what each event counts for."""

from __future__ import annotations

from producers.casebook import CaseBook
from producers.catalogue import Catalogue, Offer
from producers.fields import Fields
from producers.rhythm import Random, Rhythm
from producers.shares import Shares
from producers.wire import DAY, HOUR, MINUTE, Counts, SimEvent, iso_local

CENTRE = "hcc.tuyenquang"
COMMUNES = "mcdt.tuyenquang"
PAYMENTS = "thanhtoan.tuyenquang"
ARCHIVE = "sohoa.tuyenquang"
PORTAL = "dvcqg"
UNKNOWN_AGENCY = "unknown"


class Planner:
    """Draws cases one after another from one random source; the same draws give the same cases."""

    def __init__(self, draw: Random, rhythm: Rhythm, catalogue: Catalogue, shares: Shares) -> None:
        self._draw = draw
        self._rhythm = rhythm
        self._catalogue = catalogue
        self._shares = shares

    def plan(self, start: int, end: int, prefix: str, number: int) -> list[SimEvent]:
        """The events, in order of time, of the case handed in within [start, end).

        Its id is `{agency}-{prefix}-{number}`.
        """
        draw, shares, rhythm = self._draw, self._shares, self._rhythm
        offer, agency = self._catalogue.draw(draw)
        online = draw() < shares.online or not rhythm.staffed(start)
        time = rhythm.opening(draw, start, end, online)
        channel = "online" if online else ("postal" if draw() < shares.postal / (1 - shares.online) else "counter")
        stated = None if draw() < shares.no_channel else channel
        entered = draw() >= shares.no_submission or online
        accepted = rhythm.soon(draw, time + 1_000, 150 if online else 12) if entered else time
        due = None if draw() < shares.no_due else rhythm.deadline(accepted, offer.days)
        book = CaseBook(f"{agency}-{prefix}-{number:05d}", agency, due, accepted)
        source = COMMUNES if offer.communal else CENTRE
        fields = Fields(agency, offer.code, stated, draw() < shares.alias_codes)
        fate = draw()
        if entered and fate < shares.refused + shares.withdrawn_early:
            self._turned_away(book, source, time, accepted, fields, refused=fate < shares.refused)
            return book.events
        due_first = entered and due is not None and draw() < shares.due_at_submission
        if entered:
            self._submit(book, source, time, fields, due if due_first else None)
        if draw() < shares.accepted_after_end and entered:
            self._accepted_after_end(book, source, accepted, fields, due, due if due_first else None)
            return book.events
        # Where `submitted` gave the due date, half of the feeds do not say it again.
        self._accept(book, source, accepted, fields, None if due_first and draw() < 0.5 else due)
        self._run(book, source, accepted, offer)
        return book.events

    def _submit(self, book: CaseBook, source: str, time: int, fields: Fields, due: int | None) -> None:
        """The agency is left out by a feed that tells it late; until it is told the count stands nowhere."""
        told_late = self._draw() < self._shares.agency_told_late
        otherwise = Counts(UNKNOWN_AGENCY, (("submitted", 1),)) if told_late else None
        text = fields.json(due, with_agency=not told_late)
        book.add("submitted", time, source, text, (("submitted", 1),), otherwise)

    def _accept(self, book: CaseBook, source: str, time: int, fields: Fields, due: int | None) -> None:
        values = (("received", 1),) if book.due is not None else (("received", 1), ("received_no_due", 1))
        book.add("accepted", time, source, fields.json(due), values)

    def _turned_away(self, book: CaseBook, source: str, time: int, end: int, fields: Fields, *, refused: bool) -> None:
        book.due = None
        book.add("submitted", time, source, fields.json(None), (("submitted", 1),))
        if refused:
            book.add("refused", end, source, '{"reason":"khong thuoc tham quyen"}', (("refused", 1),))
        else:
            book.add("withdrawn", end, source, "{}", (("withdrawn", 1),))
        book.close(end)

    def _accepted_after_end(
        self, book: CaseBook, source: str, time: int, fields: Fields, due: int | None, due_first: int | None
    ) -> None:
        """A feed that is wrong about one of two times: both are kept, so no handling time can be had."""
        book.accepted_at = time + 5 * MINUTE
        without = CaseBook(book.case, book.events[-1].counts.agency, due_first, None)
        if book.events[-1].otherwise is not None:
            without.agency = UNKNOWN_AGENCY
        otherwise = Counts(without.agency, without.outcome(time, e_result=True))
        book.add("finished", time, source, '{"e_result":true}', book.outcome(time, e_result=True), otherwise)
        values = (("received", 1),) if due is not None else (("received", 1), ("received_no_due", 1))
        book.add("accepted", time + 5 * MINUTE, source, fields.json(due), values)

    def _run(self, book: CaseBook, source: str, time: int, offer: Offer) -> None:
        """From acceptance to the end. Steps follow one another, so the book is always in order of time."""
        draw, shares, rhythm = self._draw, self._shares, self._rhythm
        if draw() < shares.synced:
            time = self._sync(book, time)
        if draw() < shares.digitised:
            time = rhythm.soon(draw, time, 25)
            self._digitise(book, time)
        if offer.fee and draw() < shares.payment:
            time = self._pay(book, source, time, offer.fee)
        while draw() < shares.supplement:
            time = self._supplement(book, source, time)
        if draw() < shares.paused:
            time = self._stop(book, source, time)
        if draw() < shares.transferred:
            time = self._transfer(book, source, time)
        if draw() < shares.rescheduled:
            time = self._reschedule(book, source, time)
        if draw() < shares.withdrawn_late:
            time = rhythm.soon(draw, time, 300)
            book.close(time)
            book.add("withdrawn", time, source, "{}", (("withdrawn", 1),))
            return
        if draw() >= shares.never_finished:
            self._finish(book, source, time)

    def _sync(self, book: CaseBook, time: int) -> int:
        time = time + 2_000 + int(self._draw() * 10 * MINUTE)
        values = (("synced", 1),) if book.first("synced") else ()
        book.add("synced", time, PORTAL, f'{{"alias":"QG-{book.case}","status":"2"}}', values)
        return time

    def _digitise(self, book: CaseBook, time: int) -> None:
        draw = self._draw
        papers = 1 + int(draw() * draw() * 12)
        digitised = papers if draw() < 0.8 else int(draw() * papers)
        reused = int(draw() * 1.4 * digitised) if draw() < 0.4 else 0
        reused = min(reused, digitised)
        values = [("papers", papers), ("papers_digitised", digitised), ("papers_reused", reused)]
        if book.first("digitised"):
            values.append(("cases_digitised", 1))
        data = f'{{"papers":{papers},"digitised":{digitised},"reused":{reused}}}'
        book.add("digitised", time, ARCHIVE, data, tuple(value for value in values if value[1]))

    def _pay(self, book: CaseBook, source: str, time: int, fee: int) -> int:
        """A fee paid at once, or a duty that stops the clock until it is paid; a few are never paid."""
        draw, rhythm = self._draw, self._rhythm
        amount = fee * (1 + int(draw() * draw() * 6))
        online = draw() < self._shares.paid_online
        if draw() < 0.6:
            time = rhythm.soon(draw, time, 60)
            book.pause("payment", time)
            book.add(
                "payment_due", time, source, f'{{"amount":{amount}}}', (("fee_due", 1),) if book.first("fee") else ()
            )
            if draw() < 0.03:
                return time
            time = (
                time + 30_000 + int(draw() * draw() * 2 * DAY) if online else rhythm.later(draw, time, int(draw() * 3))
            )
        else:
            time = rhythm.soon(draw, time, 10)
        flag = "true" if online else "false"
        if online and draw() < self._shares.gateway_failure:
            data = f'{{"amount":{amount},"online":true,"ok":false,"purpose":"fee"}}'
            book.add("paid", time, PAYMENTS, data, (("payment_failures", 1),))
            time += 60_000 + int(draw() * HOUR)
        book.resume("payment", time)
        values: tuple[tuple[str, int], ...] = (("payments", 1), ("payments_amount", amount))
        if online:
            values += (("payments_online", 1), ("payments_online_amount", amount))
        book.add("paid", time, PAYMENTS, f'{{"amount":{amount},"online":{flag},"ok":true,"purpose":"fee"}}', values)
        return time

    def _supplement(self, book: CaseBook, source: str, time: int) -> int:
        """Asked for papers; some never come, and the case stands still."""
        draw, rhythm = self._draw, self._rhythm
        time = rhythm.soon(draw, time, 400)
        book.pause("supplement", time)
        book.supplements += 1
        book.add("supplement_requested", time, source, "{}", (("supplement_requests", 1),))
        if draw() < 0.05:
            return time
        time = rhythm.later(draw, time, 1 + int(draw() * draw() * 6))
        book.resume("supplement", time)
        book.add("supplemented", time, source, "{}", ())
        return time

    def _stop(self, book: CaseBook, source: str, time: int) -> int:
        draw, rhythm = self._draw, self._rhythm
        time = rhythm.soon(draw, time, 500)
        book.pause("stop", time)
        book.add("paused", time, source, "{}", ())
        time = rhythm.later(draw, time, 1 + int(draw() * 4))
        book.resume("stop", time)
        book.add("resumed", time, source, "{}", ())
        return time

    def _transfer(self, book: CaseBook, source: str, time: int) -> int:
        draw = self._draw
        time = self._rhythm.soon(draw, time, 500)
        departments = self._catalogue.departments
        book.agency = departments[int(draw() * len(departments))]
        book.add("transferred", time, source, f'{{"agency":"{book.agency}"}}', (("transferred", 1),))
        return time

    def _reschedule(self, book: CaseBook, source: str, time: int) -> int:
        draw, rhythm = self._draw, self._rhythm
        time = rhythm.soon(draw, time, 600)
        book.due = rhythm.deadline(max(time, book.due or 0), 1 + int(draw() * 5))
        if book.pauses:
            book.waited += time - book.paused_since
            book.paused_since = time
        apology = draw() < 0.7
        values = (("rescheduled", 1),) if apology else (("rescheduled", 1), ("rescheduled_no_apology", 1))
        flag = "true" if apology else "false"
        book.add("rescheduled", time, source, f'{{"due":"{iso_local(book.due)}","apology":{flag}}}', values)
        return time

    def _finish_time(self, book: CaseBook, time: int) -> int:
        draw, rhythm, shares = self._draw, self._rhythm, self._shares
        due = book.due
        after = rhythm.soon(draw, time, 240)
        if due is None:
            return rhythm.later(draw, time, 1 + int(draw() * 6))
        chance = draw()
        if chance < shares.late:
            return max(after, rhythm.later(draw, due, int(draw() * draw() * 9)))
        if chance < shares.late + 0.004:
            # Exactly on the due instant is on time; a millisecond after it is late.
            return max(after, due + (0 if chance < shares.late + 0.002 else 1))
        if chance < shares.late + shares.early:
            return max(after, rhythm.snap(draw, time + int(draw() * max(0, due - time - DAY))))
        return max(after, due - int(draw() * min(4 * HOUR, max(0, due - after))))

    def _finish(self, book: CaseBook, source: str, time: int) -> None:
        draw, rhythm, shares = self._draw, self._rhythm, self._shares
        end = self._finish_time(book, time)
        if draw() < 0.015:
            # Handed over without ever being reported finished: that finishes it.
            book.add(
                "returned", end, source, '{"form":"counter"}', (("returned", 1), *book.outcome(end, e_result=False))
            )
            return
        e_result = draw() < shares.e_result
        flag = "true" if e_result else "false"
        book.add("finished", end, source, f'{{"e_result":{flag}}}', book.outcome(end, e_result))
        time = end
        if draw() < shares.synced:
            time = self._sync(book, time)
        if draw() < shares.returned:
            time = rhythm.soon(draw, time, 200)
            form = "online" if e_result else ("postal" if draw() < 0.1 else "counter")
            book.add("returned", time, source, f'{{"form":"{form}"}}', (("returned", 1),))
            if draw() < shares.rated:
                time = time + 60_000 + int(draw() * DAY)
                satisfied = draw() < shares.satisfied
                values = (("ratings", 1), ("ratings_satisfied", 1)) if satisfied else (("ratings", 1),)
                book.add("rated", time, PORTAL, f'{{"satisfied":{"true" if satisfied else "false"}}}', values)
        if draw() < shares.after_end:
            self._after_end(book, source, time)

    def _after_end(self, book: CaseBook, source: str, time: int) -> None:
        """What feeds send once a case is closed: most of it must change nothing."""
        draw, rhythm = self._draw, self._rhythm
        time = rhythm.soon(draw, time, 300)
        kind = ("supplement_requested", "paused", "withdrawn", "finished", "synced", "transferred")[int(draw() * 6)]
        if kind == "transferred":
            self._transfer(book, source, time)
        elif kind == "synced":
            self._sync(book, time)
        else:
            book.add(kind, time, source, "{}", ())
