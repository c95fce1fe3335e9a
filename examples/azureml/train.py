"""Train a regression on scikit-learn's diabetes data (442 rows of ten features), and write it to this folder.

uv run --no-project --python 3.11 --with-requirements requirements/scoring-server.txt examples/azureml/train.py
"""

from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

HERE = Path(__file__).parent


def main() -> None:
    """Train and write model.joblib."""
    features, progression = load_diabetes(return_X_y=True)
    model = Ridge(alpha=0.03).fit(features, progression)
    joblib.dump(model, HERE / "model.joblib")
    print(f"R2 {model.score(features, progression):.3f} on the rows it was trained with")


if __name__ == "__main__":
    main()
