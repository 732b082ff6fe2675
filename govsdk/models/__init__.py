"""The governed models: generator, recognisers, their digests and versions; drawing and scoring.

::

    layout.py         what a generator looks like on disk: Arc2Face's folder
    manifest.py       the canonical name of a model
    lines.py          a model and its versions
    generator.py      embeddings and seeds in, pictures out
    conditioning.py     what the U-Net's cross-attention reads
    passed.py           the states that sampling passes through
    whitebox.py         the same with its weights open: gradients, a student
    weights.py          its tensors on disk
    recognisers.py    face crops in, embeddings and qualities out
    resizing.py         pictures at the size that a network reads
    pruning.py          PreFIQs, a face's quality
    modules.py          recognisers as torch modules, to be trained
    inception.py      the network of FID and KID
    distribution.py   D: conditions around a person
    calibration.py    what a recogniser's scores mean
    calibrating.py      and how that is measured
    drawn_faces.py      on drawings
    memory.py         fewer rows where memory is short
    networks.py       names for what libraries without types hand out
    quiet.py          libraries kept from talking
    tensors.py        tensors written, or a full disk
"""
