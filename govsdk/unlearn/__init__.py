"""The unlearning executor: redirects a person to an anchor by editing a few layers.

::

    methods.py        the methods by name
    piu.py            PIU: an edit from start to file
    presets.py          its settings
    people.py           who it is about, and the rows of each step
    mixtures.py         conditions that stand for a person
    states.py           where the network is asked
    searching.py        conditions that are hard for it
    closed_form.py      where the edit starts, and which ways harm others
    layers.py           which parameters it may change
    split.py            the network in two halves, the lower computed once
    losses.py           the objective
    training.py         teacher, student and optimiser
    looking.py          how much of the person is still drawn
    streams.py          its random numbers
    checkpoints.py      what it goes on from
    dispersion.py     a person scattered in a recogniser
"""
