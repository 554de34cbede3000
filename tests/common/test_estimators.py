"""scikit-learn's own checks over every public estimator."""

import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.common.cases import construct_all, takes_tables, takes_texts

# A row of weight 2 is not two rows where rows are more than terms of a sum.
EQUIVALENCE = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def not_asked_for(estimator):
    """Return checks that have no meaning for a configuration, with the reason."""
    params = estimator.get_params()
    is_adaboost = type(estimator).__name__.startswith("AdaBoost")
    # It draws other rows too, but its predictions for this problem happen to agree.
    agrees_by_chance = (
        type(estimator).__name__ == "TwoStageTrAdaBoostRegressor"
        and params["max_depth"] != 1
    )
    if params.get("early_stopping") is True:
        reason = "other rows are held out when there are more of them"
    elif params.get("subsample", 1.0) < 1:
        reason = "other rows are drawn when there are more of them"
    elif params.get("batch_norm"):
        reason = "the statistics of a batch are those of its rows"
    elif params.get("bootstrap") is True and not agrees_by_chance:
        reason = "other rows are drawn when there are more of them"
    elif is_adaboost and params["n_iter_no_change"] is not None:
        reason = "other rows are held out when there are more of them"
    else:
        return {}
    return dict.fromkeys(EQUIVALENCE, reason)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    list(filter(takes_tables, construct_all())), expected_failed_checks=not_asked_for
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_estimator_tags_renamed,
        checks.check_get_params_invariance,
        checks.check_no_attributes_set_in_init,
        checks.check_set_params,
        checks.check_valid_tag_types,
    ],
)
@pytest.mark.parametrize(
    "estimator", [e for e in construct_all() if not takes_tables(e)], ids=str
)
def test_scikit_learn_checks_without_data(estimator, check):
    check(type(estimator).__name__, clone(estimator))


def test_all_take_tables_but_taggers_and_what_takes_texts():
    # Of these scikit-learn checks what does not need data; of texts
    # `test_text_transformers.py` does the rest.
    without = [e for e in construct_all() if not takes_tables(e)]
    others = {type(e).__name__ for e in without if not takes_texts(e)}
    assert others == {"HMMTagger", "PerceptronTagger", "RNNTagger"}


def test_the_first_configuration_of_each_is_asked_everything():
    first = {}
    for estimator in filter(takes_tables, construct_all()):
        first.setdefault(type(estimator), estimator)
    assert [e for e in first.values() if not_asked_for(e)] == []
