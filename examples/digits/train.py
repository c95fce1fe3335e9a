"""Train the digits classifier; write it and the rows it has not seen, as request bodies, beside this file.

Run it with the versions that the scoring-server image has:

    uv run --no-project --python 3.11 --with-requirements requirements/scoring-server.txt examples/digits/train.py

The data is scikit-learn's own (1,797 images of 8 x 8 pixels, each 0 to 16), so nothing is downloaded. Every random
choice has a fixed seed: the same versions give the same model. ``make.py`` then packs what is written here.
"""

import json
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SEED = 0
# 40 % of 1,797 rows is 719: more than the 600 different requests that the example promises.
TEST_SHARE = 0.4
# A tree costs about 0.1 ms of CPU a prediction and 3 KiB in the compressed file. Thirty keep the model inside what
# `kubectl apply` can carry (see make.py), and a request, with all that the server adds, at about 8 ms of CPU.
TREES = 30


def main() -> None:
    """Train, report the accuracy on the rows that were held back, and write model.joblib and requests.txt."""
    pixels, labels = load_digits(return_X_y=True)
    train_pixels, test_pixels, train_labels, test_labels = train_test_split(
        pixels, labels, test_size=TEST_SHARE, stratify=labels, random_state=SEED
    )
    model = RandomForestClassifier(n_estimators=TREES, random_state=SEED).fit(train_pixels, train_labels)
    joblib.dump(model, HERE / "model.joblib", compress=("xz", 9))
    bodies = (json.dumps({"data": [[int(pixel) for pixel in row]]}) for row in test_pixels)
    (HERE / "requests.txt").write_text("".join(f"{body}\n" for body in bodies))
    print(f"accuracy {model.score(test_pixels, test_labels):.3f} on {len(test_pixels)} held-out rows")


if __name__ == "__main__":
    main()
