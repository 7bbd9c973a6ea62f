//! Divisions of units, judged by trying all of them.

use proptest::prelude::*;

use super::*;

/// Two competitors over four units of value 20, 20, 15 and 5: the first halves the cheaper of each pair, the second
/// takes 20 % off each of a pair.
#[test]
fn the_best_division_is_that_of_the_dynamics_documentation() {
    let values = [20, 15, 5];
    let pairs = |units: &[(usize, i64)]| -> Vec<i64> {
        units.iter().flat_map(|&(class, count)| vec![values[class]; usize::try_from(count).unwrap()]).collect()
    };
    let value = |competitor: usize, units: &[(usize, i64)]| {
        let list = pairs(units);
        let pairs = list.chunks_exact(2);
        match competitor {
            0 => pairs.map(|pair| pair[1] * 100 / 2).sum(),
            _ => pairs.map(|pair| (pair[0] + pair[1]) * 100 / 5).sum(),
        }
    };
    let problem = Problem {
        classes: vec![2, 1, 1],
        usable: vec![vec![0, 1]; 3],
        competitors: 2,
        additive: vec![false; 2],
        value: &value,
    };
    let division = problem.solve();
    assert_eq!(division, Division { units: vec![vec![2, 0, 0], vec![0, 1, 1]], exact: true });
}

#[test]
fn too_many_divisions_are_ranked_and_flagged() {
    let value = |competitor: usize, units: &[(usize, i64)]| {
        let count: i64 = units.iter().map(|(_, units)| units).sum();
        count / 3 * (100 - i64::try_from(competitor).unwrap())
    };
    let problem = Problem {
        classes: vec![9; 12],
        usable: vec![(0..6).collect(); 12],
        competitors: 6,
        additive: vec![false; 6],
        value: &value,
    };
    let division = problem.solve();
    assert!(!division.exact);
    assert_eq!(division.units[0], vec![9; 12]);
}

#[test]
fn competitors_without_common_classes_are_searched_apart() {
    let value = |_: usize, units: &[(usize, i64)]| units.iter().map(|(_, units)| units).sum::<i64>() / 2;
    let problem = Problem {
        classes: vec![30; 40],
        usable: (0..40).map(|class| vec![class]).collect(),
        competitors: 40,
        additive: vec![false; 40],
        value: &value,
    };
    let division = problem.solve();
    assert!(division.exact);
    assert!((0..40).all(|class| division.units[class][class] == 30));
}

/// All divisions, those first that give most to the first competitors; a competitor may leave units.
fn all_divisions(problem: &Problem<'_>) -> Vec<Vec<Vec<i64>>> {
    let mut divisions = vec![(vec![vec![0; problem.classes.len()]; problem.competitors], problem.classes.clone())];
    for competitor in 0..problem.competitors {
        for class in 0..problem.classes.len() {
            let can_use = problem.usable[class].contains(&competitor);
            let give = |(units, left): (Vec<Vec<i64>>, Vec<i64>)| {
                let most = if can_use { left[class] } else { 0 };
                (0..=most).rev().map(move |count| {
                    let (mut units, mut left) = (units.clone(), left.clone());
                    units[competitor][class] = count;
                    left[class] -= count;
                    (units, left)
                })
            };
            divisions = divisions.into_iter().flat_map(give).collect();
        }
    }
    divisions.into_iter().map(|(units, _)| units).collect()
}

/// The sum of the values of a division.
fn worth(problem: &Problem<'_>, units: &[Vec<i64>]) -> i64 {
    let of = |(competitor, units): (usize, &Vec<i64>)| {
        let some: Vec<_> = units.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
        if some.is_empty() { 0 } else { (problem.value)(competitor, &some) }
    };
    units.iter().enumerate().map(of).sum()
}

/// A value that depends on all units together, the same for the same units.
fn rugged(seed: u64) -> impl Fn(usize, &Units) -> i64 {
    move |competitor, units| {
        let mut hash = seed ^ (competitor as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for &(class, count) in units {
            hash = (hash ^ (class as u64 * 31 + count.unsigned_abs())).wrapping_mul(0xff51_afd7_ed55_8ccd);
            hash ^= hash >> 33;
        }
        i64::try_from(hash % 40).unwrap()
    }
}

proptest! {
    /// No division is worth more, and of equal ones it gives most to the first competitors.
    #[test]
    fn the_first_of_the_best_divisions_is_found(
        classes in prop::collection::vec((1_i64..4, prop::collection::vec(any::<bool>(), 3)), 1..4),
        seed: u64,
    ) {
        let value = rugged(seed);
        let usable = |uses: &[bool]| (0..3).filter(|&competitor| uses[competitor]).collect();
        let problem = Problem {
            classes: classes.iter().map(|(count, _)| *count).collect(),
            usable: classes.iter().map(|(_, uses)| usable(uses)).collect(),
            competitors: 3,
            additive: vec![false; 3],
            value: &value,
        };
        let division = problem.solve();
        prop_assert!(division.exact);
        let best = all_divisions(&problem).iter().map(|units| worth(&problem, units)).max().unwrap_or(0);
        // A competitor without rivals gets all of its units, whatever they are worth.
        let has_rivals = |competitor: usize| {
            let shares = |uses: &Vec<usize>| uses.contains(&competitor) && uses.len() > 1;
            problem.usable.iter().any(shares)
        };
        if (0..3).all(has_rivals) {
            prop_assert_eq!(worth(&problem, &division.units), best);
            let first = all_divisions(&problem).into_iter().find(|units| worth(&problem, units) == best);
            prop_assert_eq!(Some(division.units), first);
        }
    }

    /// Beyond the limit the result is a division, worth at least what the best single competitor can have.
    #[test]
    fn a_ranked_division_is_worth_at_least_its_best_competitor(
        classes in prop::collection::vec(1_i64..4, 1..4),
        seed: u64,
    ) {
        let value = rugged(seed);
        let all: Vec<usize> = (0..classes.len()).collect();
        let problem = Problem {
            usable: vec![vec![0, 1, 2]; classes.len()],
            competitors: 3,
            additive: vec![false; 3],
            value: &value,
            classes,
        };
        let candidates = vec![vec![0, 1, 2]; problem.classes.len()];
        let mut search = Search::new(&problem, &candidates, all);
        search.rank();
        for (class, most) in problem.classes.iter().enumerate() {
            prop_assert!(search.best.iter().map(|units| units[class]).sum::<i64>() <= *most);
        }
        prop_assert_eq!(search.best_value, worth(&problem, &search.best));
        // No move of a whole class is worth more, unless the passes were used up, which needs larger problems.
        for class in 0..problem.classes.len() {
            for competitor in 0..3 {
                let mut moved = search.best.clone();
                for units in &mut moved {
                    units[class] = 0;
                }
                moved[competitor][class] = problem.classes[class];
                prop_assert!(worth(&problem, &moved) <= search.best_value);
            }
        }
    }
}

/// Two classes; the first competitor can use both, the second only the last.
fn steps_of(classes: [i64; 2]) -> bool {
    let value = |_: usize, units: &Units| units.iter().map(|(_, units)| units / 2).sum();
    let problem = Problem {
        classes: classes.to_vec(),
        usable: vec![vec![0], vec![0, 1]],
        competitors: 2,
        additive: vec![false; 2],
        value: &value,
    };
    problem.solve().exact
}

#[test]
fn the_search_is_exact_up_to_its_limit_of_steps() {
    // 4 x 100 numbers of units may be left; the competitors may take 4 x 100 and 100 of them: 200,000 steps.
    assert!(steps_of([3, 99]));
    assert!(!steps_of([3, 100]));
    assert!(!steps_of([4, 99]));
}

#[test]
fn of_competitors_that_add_up_only_the_best_is_considered() {
    let value =
        |competitor: usize, units: &Units| units.iter().map(|(_, units)| units * [5, 7, 7, 0][competitor]).sum();
    let solved = |usable: Vec<usize>| {
        let problem =
            Problem { classes: vec![3], usable: vec![usable], competitors: 4, additive: vec![true; 4], value: &value };
        problem.solve()
    };
    let given = |to: Option<usize>| {
        let units = (0..4).map(|competitor| vec![if Some(competitor) == to { 3 } else { 0 }]).collect();
        Division { units, exact: true }
    };
    assert_eq!(solved(vec![0, 1, 2, 3]), given(Some(1)), "the first of equals");
    assert_eq!(solved(vec![0, 3]), given(Some(0)));
    assert_eq!(solved(vec![3]), given(None), "worth nothing");
}

#[test]
fn ranking_moves_a_class_to_whom_it_is_worth_more() {
    // The first is worth most per unit, but the second makes more of the first class.
    let value = |competitor: usize, units: &Units| {
        let of = |class: usize| units.iter().find(|(of, _)| *of == class).map_or(0, |(_, count)| *count);
        match competitor {
            0 => {
                if of(1) > 0 {
                    100 + of(0)
                } else {
                    0
                }
            }
            _ => of(0) * 10,
        }
    };
    let problem = Problem {
        classes: vec![4, 2],
        usable: vec![vec![0, 1], vec![0, 1]],
        competitors: 2,
        additive: vec![false; 2],
        value: &value,
    };
    let mut search = Search::new(&problem, &[vec![0, 1], vec![0, 1]], vec![0, 1]);
    search.rank();
    assert_eq!((search.best, search.best_value), (vec![vec![0, 2], vec![4, 0]], 140));
}

#[test]
fn ranking_begins_with_the_highest_value_per_unit() {
    // The first makes 100 of the first two classes together. The second makes more of all, and less of a unit; no move
    // of a single class leads from there to the best.
    let value = |competitor: usize, units: &Units| {
        let of = |class: usize| units.iter().find(|(of, _)| *of == class).map_or(0, |(_, count)| *count);
        match competitor {
            0 => 100 * of(0).min(of(1)),
            _ => 30 * (of(0) + of(1)) + 5 * of(2),
        }
    };
    let usable = vec![vec![0, 1], vec![0, 1], vec![1]];
    let problem = Problem {
        classes: vec![1, 1, 10],
        usable: usable.clone(),
        competitors: 2,
        additive: vec![false; 2],
        value: &value,
    };
    let mut search = Search::new(&problem, &usable, vec![0, 1, 2]);
    search.rank();
    assert_eq!((search.best, search.best_value), (vec![vec![1, 1], vec![0, 0, 10]], 150));
}
