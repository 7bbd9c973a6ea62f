//! Division of an amount into parts that sum to it: the method of the largest remainder (Hamilton).

use crate::money::Rounding;

/// Divides `amount` in proportion to the weights. The parts sum to the amount. Minor units that are left over go to the
/// largest remainders; among equal ones to the first. If all weights are zero, they count as equal.
pub fn shares(amount: i64, weights: &[i64]) -> Vec<i64> {
    capped_shares(amount, weights, &vec![i64::MAX; weights.len()])
}

/// As [`shares`], but no part exceeds its cap; what a capped part does not take goes to the others in proportion. If
/// all parts are capped, they sum to less than the amount.
pub fn capped_shares(amount: i64, weights: &[i64], caps: &[i64]) -> Vec<i64> {
    let mut parts = vec![0_i64; weights.len()];
    if weights.is_empty() || amount == 0 {
        return parts;
    }
    let (sign, mut rest) = (amount.signum(), amount.saturating_abs());
    let mut open: Vec<usize> = (0..weights.len()).collect();
    // In each round either nothing exceeds its cap, or at least one part is closed at its cap.
    while rest > 0 && !open.is_empty() {
        let portion = hamilton(rest, &open.iter().map(|&index| weights[index]).collect::<Vec<_>>());
        let over = |(slot, &index): (usize, &usize)| portion[slot] > caps[index].max(0) - parts[index];
        if open.iter().enumerate().any(over) {
            let mut still = Vec::with_capacity(open.len());
            for (slot, &index) in open.iter().enumerate() {
                let room = caps[index].max(0) - parts[index];
                if portion[slot] > room {
                    parts[index] += room;
                    rest -= room;
                } else {
                    still.push(index);
                }
            }
            open = still;
        } else {
            for (slot, &index) in open.iter().enumerate() {
                parts[index] += portion[slot];
            }
            rest = 0;
        }
    }
    for part in &mut parts {
        *part *= sign;
    }
    parts
}

/// The largest remainder for a positive amount.
fn hamilton(amount: i64, weights: &[i64]) -> Vec<i64> {
    let weights: Vec<i128> = if weights.iter().all(|&weight| weight <= 0) {
        vec![1; weights.len()]
    } else {
        weights.iter().map(|&weight| i128::from(weight.max(0))).collect()
    };
    let whole: i128 = weights.iter().sum();
    let exact = |weight: &i128| i128::from(amount) * weight;
    let mut parts: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(exact(weight) / whole).unwrap_or(i64::MAX)).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(exact(&weights[index]) % whole));
    let left = amount - parts.iter().sum::<i64>();
    for &index in order.iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[index] += 1;
    }
    parts
}

/// A part of an amount in hundredths of a percent, half away from zero: 1250 is 12.5 %.
pub(super) fn percent(amount: i64, permyriad: u32) -> i64 {
    ratio(amount, i128::from(permyriad), 10_000)
}

/// `amount * numerator / denominator`, half away from zero. The denominator is positive.
pub(super) fn ratio(amount: i64, numerator: i128, denominator: i128) -> i64 {
    let exact = Rounding::HalfAwayFromZero.divide(i128::from(amount) * numerator, denominator);
    i64::try_from(exact).unwrap_or(if exact.is_negative() { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_those_of_brick_money_and_vendure() {
        assert_eq!(shares(10_000, &[30, 20, 40, 40]), [2308, 1538, 3077, 3077]);
        assert_eq!(shares(3, &[75, 25]), [2, 1]);
        assert_eq!(shares(10, &[0, 0]), [5, 5]);
        assert_eq!(shares(-10_000, &[30, 20, 40, 40]), [-2308, -1538, -3077, -3077]);
        assert_eq!(shares(300, &[1000, 800]), [167, 133]);
        assert_eq!(shares(5, &[]), Vec::<i64>::new());
    }

    #[test]
    fn a_cap_moves_the_rest_to_the_other_parts() {
        // Sylius: 20.00 off a T-shirt of 50.00 that may cost no less than 45.00, and a mug of 20.00.
        assert_eq!(capped_shares(2000, &[5000, 2000], &[500, 2000]), [500, 1500]);
        assert_eq!(capped_shares(2500, &[5000, 2000, 2000, 2000], &[500, 2000, 2000, 2000]), [500, 667, 667, 666]);
        assert_eq!(capped_shares(100, &[1, 1], &[30, 20]), [30, 20]);
        assert_eq!(capped_shares(100, &[1, 1], &[30, 70]), [30, 70]);
    }

    #[test]
    fn percentages_round_half_away_from_zero() {
        let tenth = [104, 204, 304, 404, 850, -850].map(|amount| percent(amount, 1000));
        assert_eq!(tenth, [10, 20, 30, 40, 85, -85]);
        assert_eq!((percent(850, 2500), percent(-850, 2500)), (213, -213));
    }

    proptest! {
        #[test]
        fn parts_sum_and_stay_within_one_of_the_exact_share(
            amount in -1_000_000_i64..1_000_000,
            weights in prop::collection::vec(0_i64..10_000, 1..20),
        ) {
            let parts = shares(amount, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), amount);
            let whole: i64 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights).filter(|_| whole > 0) {
                prop_assert!((part * whole - amount * weight).abs() < whole);
            }
        }

        #[test]
        fn capped_parts_take_all_that_the_caps_allow(
            amount in 0_i64..100_000,
            parts in prop::collection::vec((0_i64..10_000, 0_i64..10_000), 1..12),
        ) {
            let (weights, caps): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            let got = capped_shares(amount, &weights, &caps);
            prop_assert_eq!(got.iter().sum::<i64>(), amount.min(caps.iter().sum()));
            for (part, cap) in got.iter().zip(&caps) {
                prop_assert!((0..=*cap).contains(part));
            }
        }
    }
}
