//! Quantities: a number with its dimension, normalised to one unit, printed in the largest unit
//! that is exact.

use std::fmt;
use std::net::Ipv4Addr;

/// A span of time, in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    /// Milliseconds.
    pub millis: u64,
}

impl Duration {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// So many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self {
            millis: seconds.saturating_mul(1000),
        }
    }

    /// Whole seconds, rounded up: what a target without fractions must wait at least.
    pub const fn seconds_up(self) -> u64 {
        self.millis.div_ceil(1000)
    }

    /// The sum; at most the largest duration.
    #[must_use]
    pub const fn plus(self, other: Duration) -> Duration {
        Duration {
            millis: self.millis.saturating_add(other.millis),
        }
    }

    /// The product; at most the largest duration.
    #[must_use]
    pub const fn times(self, factor: u64) -> Duration {
        Duration {
            millis: self.millis.saturating_mul(factor),
        }
    }
}

/// As zd, Go and Compose write it: `250ms`, `10s`, `1h30m`. No days: Go has none.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// An amount of memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory {
    /// Bytes.
    pub bytes: u64,
}

impl Memory {
    /// The amount as a number and the largest power-of-1024 unit that is exact: 0 is bytes, 1 KiB,
    /// 2 MiB, 3 GiB, 4 TiB.
    pub fn binary(self) -> (u64, usize) {
        let mut amount = self.bytes;
        let mut unit = 0;
        while amount != 0 && amount.is_multiple_of(1024) && unit < 4 {
            amount /= 1024;
            unit += 1;
        }
        (amount, unit)
    }
}

/// As zd writes it: `200MiB`, `512MB`, `1B`.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, unit) = self.binary();
        if unit > 0 || self.bytes == 0 {
            let name = ["B", "KiB", "MiB", "GiB", "TiB"]
                .get(unit)
                .copied()
                .unwrap_or("B");
            return write!(f, "{amount}{name}");
        }
        let mut rest = self.bytes;
        let mut decimal = 0;
        while rest.is_multiple_of(1000) && decimal < 4 {
            rest /= 1000;
            decimal += 1;
        }
        let name = ["B", "KB", "MB", "GB", "TB"]
            .get(decimal)
            .copied()
            .unwrap_or("B");
        write!(f, "{rest}{name}")
    }
}

/// An amount of processor time, in thousandths of one processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpu {
    /// Thousandths.
    pub millis: u64,
}

/// As zd writes it: `2cpu`, `500mcpu`.
impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis.is_multiple_of(1000) {
            write!(f, "{}cpu", self.millis / 1000)
        } else {
            write!(f, "{}mcpu", self.millis)
        }
    }
}

/// A share, in thousandths of one percent, so that `33.3%` is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    /// Thousandths of one percent: `25%` is 25,000.
    pub thousandths: u64,
}

impl Percent {
    /// Everything.
    pub const ALL: Percent = Percent {
        thousandths: 100_000,
    };

    /// This share of `count`, rounded up: a promise of instances never rounds in its own favour.
    pub fn of_up(self, count: u64) -> u64 {
        let product = u128::from(count) * u128::from(self.thousandths);
        u64::try_from(product.div_ceil(100_000)).unwrap_or(u64::MAX)
    }

    /// This share of `count`, rounded down.
    pub fn of_down(self, count: u64) -> u64 {
        let product = u128::from(count) * u128::from(self.thousandths);
        u64::try_from(product / 100_000).unwrap_or(u64::MAX)
    }
}

/// As zd writes it: `25%`, `33.3%`.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let digits = format!("{rest:03}");
        write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

/// An IPv4 subnet; the address's host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The network address.
    pub address: Ipv4Addr,
    /// The length of the prefix, 0 to 32.
    pub prefix: u8,
}

impl Cidr {
    /// The subnet, or `None` where the prefix is over 32 or host bits are set.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Option<Self> {
        let cidr = Self { address, prefix };
        (prefix <= 32 && cidr.mask() & u32::from(address) == u32::from(address)).then_some(cidr)
    }

    /// Whether an address lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == u32::from(self.address)
    }

    fn mask(self) -> u32 {
        u32::MAX
            .checked_shl(32 - u32::from(self.prefix.min(32)))
            .unwrap_or(0)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year, 0 to 9999.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to 31.
    pub day: u8,
}

impl Date {
    /// The date, or `None` where the calendar has no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        (year <= 9999 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_reads_them() {
        for (millis, text) in [
            (0, "0s"),
            (250, "250ms"),
            (90_000, "1m30s"),
            (86_400_000, "24h"),
        ] {
            assert_eq!(Duration::from_millis(millis).to_string(), text);
        }
    }

    #[test]
    fn memory_prints_in_its_largest_exact_unit() {
        for (bytes, text) in [
            (0, "0B"),
            (200 << 20, "200MiB"),
            (512_000_000, "500000KiB"),
            (1_000_001, "1000001B"),
        ] {
            assert_eq!(Memory { bytes }.to_string(), text);
        }
    }

    #[test]
    fn percentages_of_a_promise_round_up() {
        assert_eq!(
            Percent {
                thousandths: 25_000
            }
            .of_up(3),
            1
        );
        assert_eq!(Percent::ALL.of_up(7), 7);
        assert_eq!(
            Percent {
                thousandths: 33_300
            }
            .to_string(),
            "33.3%"
        );
    }

    #[test]
    fn a_subnet_has_no_host_bits_and_knows_its_addresses() {
        let subnet = Cidr::new(Ipv4Addr::new(172, 18, 0, 0), 16).unwrap();
        assert!(subnet.contains(Ipv4Addr::new(172, 18, 0, 101)));
        assert!(!subnet.contains(Ipv4Addr::new(172, 19, 0, 1)));
        assert_eq!(Cidr::new(Ipv4Addr::new(172, 18, 0, 1), 16), None);
        assert!(
            Cidr::new(Ipv4Addr::UNSPECIFIED, 0)
                .unwrap()
                .contains(Ipv4Addr::LOCALHOST)
        );
    }

    #[test]
    fn dates_are_of_the_calendar() {
        assert!(Date::new(2024, 2, 29).is_some());
        assert!(Date::new(2023, 2, 29).is_none());
        assert!(Date::new(2026, 13, 1).is_none());
    }
}
