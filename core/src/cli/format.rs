//! Numbers as people read them. What is missing is `-`, never a zero.

/// A missing value.
pub(crate) const MISSING: &str = "-";

/// Milliseconds with the unit that suits them.
pub(crate) fn duration(ms: Option<f64>) -> String {
    let Some(ms) = ms else {
        return MISSING.to_owned();
    };
    if ms == 0.0 {
        "0 ms".to_owned()
    } else if ms < 0.9995 {
        format!("{:.0} µs", ms * 1e3)
    } else if ms < 9.995 {
        format!("{ms:.2} ms")
    } else if ms < 99.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 9_995.0 {
        format!("{:.2} s", ms / 1e3)
    } else if ms < 99_950.0 {
        format!("{:.1} s", ms / 1e3)
    } else {
        span(ms / 1e3)
    }
}

/// Seconds as a length of time: `3 m 12 s`.
pub(crate) fn span(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return MISSING.to_owned();
    }
    // Checked just above: the cast cannot lose anything that is shown.
    let s = seconds.round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} m {:02} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} m", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {:02} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// A whole number with separators, or in millions.
pub(crate) fn count(value: Option<f64>) -> String {
    let Some(value) = value else {
        return MISSING.to_owned();
    };
    if value.abs() < 9_999_999.5 {
        let digits = format!("{:.0}", value.abs());
        let sign = if value <= -0.5 { "-" } else { "" };
        return format!("{sign}{}", grouped(&digits));
    }
    scaled(value)
}

/// Events per second.
pub(crate) fn rate(value: Option<f64>) -> String {
    match value {
        None => MISSING.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(v) if v.abs() < 9.995 => format!("{v:.2}"),
        Some(v) if v.abs() < 999.95 => format!("{v:.1}"),
        other => count(other),
    }
}

/// A percentage as the document rounds it.
pub(crate) fn percent(value: Option<f64>) -> String {
    match value {
        None => MISSING.to_owned(),
        Some(v) if v.abs() < 99.995 => format!("{v:.2} %"),
        Some(v) if v.abs() < 1e6 => format!("{v:.0} %"),
        Some(v) => format!("{v:.1e} %"),
    }
}

/// Any quantity: a counter's, a gauge's or a histogram's value.
pub(crate) fn quantity(value: Option<f64>) -> String {
    let Some(v) = value else {
        return MISSING.to_owned();
    };
    if v.fract() == 0.0 || v.abs() >= 9_999.95 {
        count(value)
    } else if v.abs() >= 99.995 {
        format!("{v:.1}")
    } else if v.abs() >= 0.001 {
        trimmed(format!("{v:.3}"))
    } else {
        format!("{v:.1e}")
    }
}

/// Bytes in binary units.
pub(crate) fn bytes(value: Option<f64>) -> String {
    let Some(v) = value else {
        return MISSING.to_owned();
    };
    match v {
        v if v < 1024.0 => format!("{v:.0} B"),
        v if v < 1024.0 * 1024.0 => format!("{:.0} KiB", v / 1024.0),
        v if v < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MiB", v / 1024.0 / 1024.0),
        v => format!("{:.1} GiB", v / 1024.0 / 1024.0 / 1024.0),
    }
}

fn scaled(value: f64) -> String {
    for (limit, divisor, unit) in [
        (999.95e6, 1e6, "M"),
        (999.95e9, 1e9, "G"),
        (999.95e12, 1e12, "T"),
    ] {
        if value.abs() < limit {
            return format!("{:.1} {unit}", value / divisor);
        }
    }
    format!("{value:.1e}")
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_suits_them() {
        for (ms, shown) in [
            (0.0, "0 ms"),
            (0.042, "42 µs"),
            (0.9996, "1.00 ms"),
            (3.207, "3.21 ms"),
            (9.996, "10.0 ms"),
            (210.4, "210 ms"),
            (999.6, "1.00 s"),
            (1500.0, "1.50 s"),
            (42_000.0, "42.0 s"),
            (99_960.0, "1 m 40 s"),
            (3_600_000.0, "1 h 00 m"),
        ] {
            assert_eq!(duration(Some(ms)), shown);
        }
        assert_eq!(duration(None), "-");
        assert_eq!(duration(Some(1e300)), "-");
    }

    #[test]
    fn counts_and_rates_stay_short() {
        assert_eq!(count(Some(4812.0)), "4,812");
        assert_eq!(count(Some(1_234_567.0)), "1,234,567");
        assert_eq!(count(Some(12_300_000.0)), "12.3 M");
        assert_eq!(count(Some(-0.0)), "0");
        assert_eq!(count(Some(-1234.0)), "-1,234");
        assert_eq!(count(Some(1e300)), "1.0e300");
        assert_eq!(rate(Some(0.0)), "0");
        assert_eq!(rate(Some(0.424)), "0.42");
        assert_eq!(rate(Some(80.21)), "80.2");
        assert_eq!(rate(Some(12_345.6)), "12,346");
        assert_eq!(percent(Some(0.26)), "0.26 %");
        assert_eq!(percent(Some(100.0)), "100 %");
        assert_eq!(quantity(Some(0.25)), "0.25");
        assert_eq!(quantity(Some(0.0000012)), "1.2e-6");
        assert_eq!(bytes(Some(1_500_000.0)), "1.4 MiB");
    }

    #[test]
    fn lengths_of_time_are_readable() {
        assert_eq!(span(12.3), "12 s");
        assert_eq!(span(192.0), "3 m 12 s");
        assert_eq!(span(7_500.0), "2 h 05 m");
        assert_eq!(span(360_000.0), "4 d 04 h");
        assert_eq!(span(f64::NAN), "-");
    }
}
