"""Every layer of Keras, by the kind of its input: the constructor call, or why it cannot stand in a model."""

CALLS = {
    "vector": """
        Activation('tanh')
        ActivityRegularization(l2=0.01)
        AlphaDropout(0.2)
        BatchNormalization()
        Dense(3, 'relu')
        Dropout(0.2)
        ELU()
        EinsumDense('ab,bc->ac', 3, 'relu', bias_axes='c')
        GaussianDropout(0.2)
        GaussianNoise(0.2)
        GroupNormalization(2)
        Identity()
        JaxLayer(product, params={'w': np.full((4, 2), 0.5, 'float32')})
        Lambda(doubled)
        LayerNormalization()
        LeakyReLU()
        Normalization(mean=0.5, variance=2.0)
        PReLU(alpha_initializer='ones')
        RMSNormalization()
        ReLU()
        RepeatVector(2)
        Reshape((2, 2))
        Rescaling(0.5)
        Softmax()
        SpectralNormalization(L.Dense(3, 'relu', name='inner'))
        UnitNormalization()
        """,
    "one number": """
        Discretization(bin_boundaries=[-0.5, 0.5])
        """,
    "vectors": """
        Add()
        Average()
        Concatenate()
        Dot(axes=1)
        Maximum()
        Minimum()
        Multiply()
        Subtract()
        """,
    "tokens": """
        CategoryEncoding(5)
        Embedding(5, 3)
        """,
    "tokens, there and back": """
        ReversibleEmbedding(5, 3)
        """,
    "sequence": """
        AdaptiveAveragePooling1D(2)
        AdaptiveMaxPooling1D(2)
        AveragePooling1D(2)
        Bidirectional(L.LSTM(2, return_sequences=True, name='inner'))
        Conv1D(2, 2, activation='relu')
        Conv1DTranspose(2, 2, activation='relu')
        Cropping1D(1)
        DepthwiseConv1D(2, activation='relu')
        Flatten()
        GRU(2)
        GRUCell(2)
        GlobalAveragePooling1D()
        GlobalMaxPooling1D()
        LSTM(2)
        LSTMCell(2)
        Masking()
        MaxPooling1D(2)
        Permute((2, 1))
        RNN(L.LSTMCell(2))
        SeparableConv1D(2, 2, activation='relu')
        SimpleRNN(2)
        SimpleRNNCell(2)
        SpatialDropout1D(0.2)
        StackedRNNCells([L.LSTMCell(2, name='first'), L.GRUCell(2, name='second')])
        TimeDistributed(L.Dense(2, 'relu', name='inner'))
        UpSampling1D(2)
        ZeroPadding1D(1)
        """,
    "sequences": """
        AdditiveAttention()
        Attention(use_scale=True)
        """,
    "query and value": """
        GroupQueryAttention(2, 2, 1)
        MultiHeadAttention(2, 2)
        """,
    "sound": """
        MelSpectrogram(fft_length=16, sequence_stride=8, num_mel_bins=4)
        """,
    "sound of channels": """
        STFTSpectrogram(frame_length=16, frame_step=8)
        """,
    "image": """
        AdaptiveAveragePooling2D(2)
        AdaptiveMaxPooling2D(2)
        AutoContrast()
        AveragePooling2D(2)
        CenterCrop(4, 4)
        Conv2D(2, 2, activation='relu')
        Conv2DTranspose(2, 2, activation='relu')
        Cropping2D(1)
        DepthwiseConv2D(2, activation='relu')
        GlobalAveragePooling2D()
        GlobalMaxPooling2D()
        MaxNumBoundingBoxes(2)
        MaxPooling2D(2)
        Resizing(3, 3)
        SeparableConv2D(2, 2, activation='relu')
        SpatialDropout2D(0.2)
        UpSampling2D(2)
        ZeroPadding2D(1)
        """,
    "image to change": """
        AugMix()
        ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
        CutMix()
        MixUp()
        Pipeline([L.RandomFlip(name='first'), L.Rescaling(0.5, name='second')])
        RandAugment()
        RandomBrightness(0.2)
        RandomColorDegeneration(0.2)
        RandomColorJitter(brightness_factor=0.2)
        RandomContrast(0.2)
        RandomCrop(6, 6)
        RandomElasticTransform()
        RandomErasing()
        RandomFlip()
        RandomGaussianBlur()
        RandomGrayscale()
        RandomHue(0.2)
        RandomInvert()
        RandomPerspective()
        RandomPosterization(4)
        RandomRotation(0.2)
        RandomSaturation(0.2)
        RandomSharpness(0.2)
        RandomShear((0.0, 0.2))
        RandomTranslation(0.2, 0.2)
        RandomZoom(0.2)
        Solarization()
        """,
    "volume": """
        AdaptiveAveragePooling3D(2)
        AdaptiveMaxPooling3D(2)
        AveragePooling3D(2)
        Conv3D(2, 2, activation='relu')
        Conv3DTranspose(2, 2, activation='relu')
        Cropping3D(1)
        GlobalAveragePooling3D()
        GlobalMaxPooling3D()
        MaxPooling3D(2)
        SpatialDropout3D(0.2)
        UpSampling3D(2)
        ZeroPadding3D(1)
        """,
    "sequence of rows": """
        ConvLSTM1D(2, 2)
        """,
    "film": """
        ConvLSTM2D(2, 2)
        """,
    "film of volumes": """
        ConvLSTM3D(1, 2)
        """,
}
"""The layers by the kind of their input, one constructor call a line."""

MORE = {
    "vector": """
        Sequential([L.Dense(3, 'relu', name='code'), L.Dense(2, name='end')])
        BatchNormalization(trainable=False)
        Dense(3, 'relu', trainable=False)
        Dense(3, 'relu', dtype='mixed_bfloat16')
        """,
    "vector, twice": """
        Dense(3, 'tanh')
        """,
    "masked tokens": """
        GRU(2)
        LSTM(2)
        """,
    "sequence": """
        Bidirectional(L.GRU(2, name='inner'), merge_mode='sum')
        GRU(2, reset_after=False)
        LSTM(2, return_sequences=True)
        LSTM(2, return_state=True)
        RNN([L.LSTMCell(2, name='first'), L.GRUCell(2, name='second')])
        """,
    "sequence of rows": """
        TimeDistributed(L.LSTM(2, name='inner'))
        """,
}
"""Layers in other company: nested, frozen, shared, masked, in lower precision, with states."""

ABSENT = {
    "Equalization": "is dropped from models by Keras: its symbolic output is its input",
    "FlaxLayer": "needs Flax, which bridle does not install",
    "HashedCrossing": "needs TensorFlow",
    "Hashing": "needs TensorFlow",
    "InputLayer": "is where the data comes in: it has nothing to penalize",
    "IntegerLookup": "needs TensorFlow",
    "Layer": "is the base of all layers: it computes nothing",
    "StringLookup": "needs TensorFlow",
    "TFSMLayer": "needs TensorFlow",
    "TextVectorization": "needs TensorFlow",
    "TorchModuleWrapper": "needs PyTorch",
    "Wrapper": "is the base of the wrappers: it computes nothing",
}
"""Why a layer of Keras cannot stand in a model on JAX."""

GAPS: dict[str, dict[str, str]] = {
    "JaxLayer(product, params={'w': np.full((4, 2), 0.5, 'float32')})": {
        "penalized": "Keras leaves its parameters out of its configuration, from which a model is built again",
    },
    "RandomElasticTransform()": {"study": "Keras cannot trace it on JAX: its own `fit` fails too"},
}
"""By recipe and column: what cannot be, and why."""

NOTES = {
    "AugMix()": "picks its transformations by Python's `random`: a compiled study keeps those of its first trace",
}
"""Notes."""

SLOW = ("image to change",)
"""Kinds that take minutes to compile, which only `python docs/layers.py` runs."""
