"""The recipe with Python's dogpile.cache: it must print what the C++ program prints.

    grouped_keys.py FOLDER_OF_RECIPES
"""
import pathlib
import sys
from itertools import count

from dogpile.cache import make_region

templates = set()


def key_generator(namespace, function, **_):
    def generate(*args):
        template = "_".join([function.__name__, "%d", *map(str, args[1:])])
        templates.add(template)
        return template % args[0]

    return generate


region = make_region(function_key_generator=key_generator).configure("dogpile.cache.memory")
counter = count()


@region.cache_on_arguments()
def user_fn_one(user_id):
    return "user fn one: %d, %d" % (next(counter), user_id)


@region.cache_on_arguments()
def user_fn_two(user_id):
    return "user fn two: %d, %d" % (next(counter), user_id)


@region.cache_on_arguments()
def user_fn_three(user_id):
    return "user fn three: %d, %d" % (next(counter), user_id)


def ask_all():
    return [user_fn_one(5), user_fn_two(5), user_fn_three(7), user_fn_two(7)]


lines = ask_all()
region.delete_multi([template % 5 for template in templates])
lines += ["invalidated:", *ask_all()]
expected = (pathlib.Path(sys.argv[1]) / "grouped_keys.out").read_text().splitlines()
if lines != expected:
    sys.exit("\n".join(["Python prints:", *lines]))
