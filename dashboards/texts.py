"""Every word on the wall, in Vietnamese and English: `view` and `page` hold none. `labels` is by figure."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.figures import Lang


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. Texts with braces are for `str.format`; weekdays begin with Monday."""

    lang: Lang
    title: str
    subtitle: str
    weekdays: tuple[str, ...]
    date: str
    age: str
    no_data_yet: str
    unknown: str
    of: str
    of_and_no_due: str
    labels: dict[str, str]
    none_received: str
    none_finished: str
    agencies_late: str
    agencies_open: str
    agency: str
    open: str
    late: str
    late_share: str
    no_agencies: str
    flow: str
    flow_now: str
    no_flow: str
    dead_letters: str
    progress: str
    partition: str
    behind: str
    banner_stale: str
    banner_empty: str
    banner_away: str
    banner_away_at_once: str
    banner_first: str
    lost: str


VI = Texts(
    lang="vi",
    title="Trung tâm điều hành - Tuyên Quang",
    subtitle="Hồ sơ thủ tục hành chính",
    weekdays=("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật"),
    date="{weekday}, {day:02d}/{month:02d}/{year}",
    age="dữ liệu cách đây {age}",
    no_data_yet="chưa có dữ liệu",
    unknown="không rõ",
    of="{part} / {whole} hồ sơ",
    of_and_no_due="{part} / {whole}, {others} không rõ hạn",
    labels={
        "received": "Tiếp nhận hôm nay",
        "online": "Nộp trực tuyến hôm nay",
        "finished": "Giải quyết xong hôm nay",
        "on_time": "Đúng hạn hôm nay",
        "open": "Đang giải quyết",
        "open_late": "Quá hạn",
        "open_due_24h": "Đến hạn trong 24 giờ",
        "open_paused": "Tạm dừng",
        "waiting": "Chờ tiếp nhận",
    },
    none_received="hôm nay chưa có hồ sơ",
    none_finished="hôm nay chưa có kết quả",
    agencies_late="Cơ quan có nhiều hồ sơ quá hạn nhất",
    agencies_open="Cơ quan có nhiều hồ sơ đang giải quyết nhất",
    agency="Cơ quan",
    open="Đang giải quyết",
    late="Quá hạn",
    late_share="Tỷ lệ",
    no_agencies="Chưa có cơ quan nào có hồ sơ",
    flow="Sự kiện mỗi phút, 30 phút qua",
    flow_now="{events} trong phút gần nhất",
    no_flow="Không có sự kiện nào trong 30 phút qua",
    dead_letters="Bản ghi bị từ chối hôm nay",
    progress="Đã xử lý {events} sự kiện",
    partition="P{partition} {offset}",
    behind="chậm {age}",
    banner_stale="DỮ LIỆU NGỪNG CẬP NHẬT: không có gì mới từ {clock}, đã {age}",
    banner_empty="CHƯA CÓ DỮ LIỆU: kho đã mở, đang chờ sự kiện đầu tiên",
    banner_away="MẤT KẾT NỐI KHO DỮ LIỆU: hình cuối cách đây {age}, đang thử lại",
    banner_away_at_once="MẤT KẾT NỐI KHO DỮ LIỆU: chưa có hình nào, đang thử lại",
    banner_first="ĐANG MỞ: chờ hình đầu tiên từ kho dữ liệu",
    lost="MÀN HÌNH MẤT KẾT NỐI MÁY CHỦ: hình cuối cách đây {age} giây, đang thử lại",
)

EN = Texts(
    lang="en",
    title="Operations Centre - Tuyên Quang",
    subtitle="Administrative cases",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    date="{weekday}, {day:02d}/{month:02d}/{year}",
    age="data {age} old",
    no_data_yet="no data yet",
    unknown="unknown",
    of="{part} / {whole} cases",
    of_and_no_due="{part} / {whole}, {others} without due date",
    labels={
        "received": "Received today",
        "online": "Online today",
        "finished": "Finished today",
        "on_time": "On time today",
        "open": "Open",
        "open_late": "Overdue",
        "open_due_24h": "Due within 24 hours",
        "open_paused": "Paused",
        "waiting": "Waiting for acceptance",
    },
    none_received="no cases today yet",
    none_finished="nothing finished today yet",
    agencies_late="Agencies with most overdue cases",
    agencies_open="Agencies with most open cases",
    agency="Agency",
    open="Open",
    late="Overdue",
    late_share="Share",
    no_agencies="No agency has cases yet",
    flow="Events a minute, last 30 minutes",
    flow_now="{events} in the last full minute",
    no_flow="No events in the last 30 minutes",
    dead_letters="Records refused today",
    progress="{events} events processed",
    partition="P{partition} {offset}",
    behind="{age} behind",
    banner_stale="DATA HAS STOPPED: nothing new since {clock}, {age} ago",
    banner_empty="NO DATA YET: the store is open, waiting for the first event",
    banner_away="DATA STORE AWAY: last picture {age} ago, trying again",
    banner_away_at_once="DATA STORE AWAY: no picture yet, trying again",
    banner_first="OPENING: waiting for the first picture from the data store",
    lost="SCREEN LOST ITS SERVER: last picture {age} seconds ago, trying again",
)


def texts_for(lang: str | None, default: str) -> Texts:
    """The texts of `lang`; of `default` when that is neither vi nor en."""
    return EN if (lang if lang in {"vi", "en"} else default) == "en" else VI
