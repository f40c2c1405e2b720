"""Two paragraphs that any filter should keep, written for these tests."""

ENGLISH = (
    "The old mill stands at the bend of the river, and every morning the miller opens the gate to let the water in. "
    "The wheel begins to turn, slowly at first, and then with a steady rumble that can be heard in the village. "
    "Farmers bring their grain in carts, wait in the yard, and talk about the weather while the stones do their work. "
    "By noon the first sacks of flour are full, and the children carry small bags home to their mothers for bread."
)
CHINESE = (
    "河边的老磨坊已经有一百多年的历史了。每天早晨，磨坊主打开水闸，让河水流进来推动水轮。水轮先是慢慢地转，"
    "然后发出低沉的声音，整个村子都能听到。农民们用车把粮食运来，在院子里一边等候，一边谈论今年的天气和收成。"
    "到了中午，第一批面粉装满了袋子，孩子们把小袋的面粉带回家，交给母亲做馒头。傍晚的时候，磨坊安静下来，"
    "只有河水还在不停地流。"
)
