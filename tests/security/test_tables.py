"""Names in tables and in exported files stay what they are."""

import csv
import io
import json
import math

from dual_weighting.comparison.table import comma_separated, markdown
from dual_weighting.export.description import Description

NAME = 'a|b, "c"'


def test_a_name_with_a_bar_is_one_cell():
    head, _, row = markdown({NAME: [{"AP": 41.5}]}).splitlines()
    assert head.count("|") == row.replace("\\|", "").count("|")
    assert 'a\\|b, "c"' in row and "41.5" in row


def test_a_name_with_commas_and_quotes_is_one_field():
    head, row = csv.reader(io.StringIO(comma_separated({NAME: [{"AP": 41.5}]})))
    assert len(head) == len(row) and row[0] == NAME
    assert float(row[head.index("AP")]) == 41.5 and math.isnan(float(row[head.index("AP50")]))


def test_class_names_in_an_exported_file():
    classes = ["</script>", '"', "\\", "é|\n"]
    texts = Description(classes, "RGB", 0, 0, True, 0.05, None).texts()
    assert json.loads(texts["classes"]) == classes
