// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Streams that Debian's dump 0.4b47 wrote of a small ext4 file system (mounted at /mnt/tree), at levels 0, 1 and 2,
/// packed with gzip. Between the levels directories and files were renamed, exchanged, removed, linked and changed.
/// The lists are what `find` told of levels 1 and 2: name, type, mode, links (not of directories), target, seconds;
/// the file with an odd name is left out.
enum DumpCaptures {
    static let level0 = """
        H4sICBasAWsCA2xldmVsMC5kdW1wAO2df0wTVwDH37XXUgr+AHUKuik6NXNTQMUhJpu4LWPOLVvUTUVN0BYDlBZBGeyXmJmZqcvUGF1MjGDY\
        ZJkuGo3JBKYx05glJvIXaoyyxUVxY2LYplMnu3fvPXq9VeVaOJB+P0nz7neO3n3f5732XZEIIU/skwqUgkjEj+c6IY1t532kh5EIiHS8Pq9b\
        vyy50LsqeVWx2x3iMZNd7tJkj89XlBLa/qWF4f1NVl46e/i9tevyT19ZPP8bbmjyLyP/APnvqvxbekn+Z91rfxF3GACRiVXnfyuvm6j/G+B/\
        AP/3af9b4H8AIhaLzv82jf/fr4me2pJpC6iwxLbFtfVq1TuEzzvbpIAmAj3W0U6fhaOjPgzmf7QB4H/4v/vyH0tkaRK5dYBPWyZNIiSGL89R\
        ygQ+XaaUicprIJHlAre7iO4/TF3ntJR4CBmurpPk3Lxctd8wQp23yN7VHg+df1Kdd9hLinKKS5QL95Qyv05yRPtcrnanN6cw2LU87mBlCq9c\
        Tq+/vb18PlGPpO2XXNvIlp+bK9YDAIz6P4qw7FP/N1e9cKEl0xqy/08b9H+Z/cxC+B/A/+YR0+H/29u1/o+lTpVkaRn8D0DE+D+asOxT/8++\
        NCE6HP/XGvR/0k9NE+B/AP+bR6zG/zEa//fjy5dz016UHJbcyfA/AH3Z/7QO6Mf9f6Vs+bGWTEvI/q8z6P9Pkr9ZBf8D+N88+mn8H6vx/wC1\
        /684PxX+ByBS/E/rg/7c/1G15XvD8f8pg/6f27J1E/wP4H/z6K/xf4LG/3HM1fIK/t4PUtc5LF6lPTBYTCvtgSFieopSN4jpqcQ3VJmuUdoM\
        3jQC/wPwmPiftvsTuP+LHf/cD+fz/5MG/X9xd3wa/A/gf/NIIMG//xftgnLidfP+v82T5y1QlA//A9BH/U/b/Ync//kXSuaH0/+vN+j/5jNf\
        XoL/AfxvHokP8H88UT//V8IN/wMQKf4fpPG/O1vjfwn+B/B/l/m/wu9/aw++txKxXCfWmer0iJCPQV9RSoZtpNlKlWxT7Gwjo4it199bLZms\
        DUHrNVqXiXqN1owWXjfJYdZvweo1yo1XiPIeFc6Y0/DhS3S+bsHeeYOVcziXFJOuuVO69fpszpox+t81hLS+yspEsdP4nZ/9vqzdlqVvsMr+\
        diOl9TW2X8d2Rzbk0/ZXm5OVrZ+y9tgwcQx+nLN8v57uX0Z6+1fvf/r3DOD+f/eyY0/1Wing8hu5PtLozl8fuq+cL2+F/wH6/+aR6sT9BQD6\
        /8yzQzX+n5ft97+QO/wP4P++0/+n/UuRsW8XX35qiyvmTe1am/SyGr86C1vvySle4cYtGcAiAB5T9P5P4J8sUP9nLW2eXb3WEnL/32LA//T4\
        A34b3Qz/A/T/zWMy+v8AoP/PPUuf4Y3j/l+SXH5O9P/lEPxvNej/PxO2ZcP/AP43D5fbgxYAAPC/6lk6RiGe+z+75oOVh8P4/l826P8rlVtO\
        wP8A/jePAtgfAPife3akxv8Lxvv9H8r4f/gfwP8PyF2F3/89Pf5fkuap03a+LEc9QTYEfcRD96Uvu5JdO7mmjiuXyUBlepRSluZ4VrtTe/+9\
        dXitvw4MHP8vPXL8f2frt2D1GiXjLB3/v3P9/8b/57VN19wp3Xp9Kvj4/yY+/j9e7MzH/4vZMflsXPnmOFbG69qxHfDx/8VxrKTbqePRv2D7\
        SfzEJL5zT/cv9UTa8wB6/ycR9gwg9f/Ir3w3wxn/bzN4fSZU75oF/wP0/80D4/8BQP9fuHYMb89Q/9dU3okPx/92g/7fVROfBP8D+N88MP4P\
        APhfuHYsYZ9hUP8PP7+pLBz/Rxn0/7iiilr4H8D/5jEF/gcA/ueeHU/Y9xbU/+8cLDsVjv8dBv1/dce2QvgfwP/mMRX+BwD+5559hrDfAKL+\
        v/xe/o/h+D/aoP8XNezxwf8A/jePNPgfAPife/ZZwn6rmfq/dGHb0+1VzL7WR/g/1+cL8H8oDF59uD/8D+B/86C51YL/B2QOx19n4+1332Tj\
        5MV4+8oGNi/KA3PYdm8tZvMz32DzFt1xFjT+fCBrjf/47SN5/Vmx/y4t9cfVlyd4Kc6nUjdvlJPtgecjaPrrb3X5nSXsuO0c/XYV026p24l1\
        YnuHcMWRewHHP2j/JWB+4CB23ffrPOLQzKvn8zHbrolvL/ZrXcpKF3+/92XfUY+fzue/457s8Ba/fmK/hnFs3Si+jVguRFqTy45Hc9EwbuMh\
        sb94vmIYCTxR+aO7ge8nf85inWaR9rzp/uv8qQj4m4nm3PX+n0jYbwBR/1d9Xnq/Oi7QvsL7ev93BW+n/poRbDn8D//D/+a0/xXVq8+U0fxn\
        fH1/R3VS5/Jv7YKQHopaUoX8A+S/5/KfzNvlNP8HCxJLO37/v9X50P6/9vP/5/jznRPHdvYs2Of/Kdeu1iP8APk3D1mX/xRN/vc/hvlHdYH8\
        I/+dpzDP5fLgH3oAEJHo/T9Z4//WXuD/Olwi+B/+N63/P4Ww7+Fo/v9oTCsR+X/U9//Bxv85DY7/S1/ZeDxYex5teuQf+e8efC4XbjAAIhSb\
        zv9pyiuL+/8Y/A/g/z7tf33+p2ny/wPyD5D/iMr/85r81yP/APmPqPyna/Jfh/wD5D+i8j9dk/9a5B8g/xGV/wxN/o8i/wD5j6j8z9Dk/3vk\
        HyD/fTr//wG6arjBAPAAAA==
        """

    static let level1 = """
        H4sICBisAWsCA2xldmVsMS5kdW1wAO2ce2wURRzHZ/f2rtcHtPRdngUjStVej0fUCNIDRTTGGAum6B9y0ENr767XKxR8JLSxqCT4wJjgCyiE\
        RCSggE00IBJ5hZgQYwKGPypUY6AUG43VP+SRc2dn9m5vc1fYa7uH3e832czO7c7c3u1+f5+Zvd+tQAgp3S00FMuLQGLy9xLy7SNnJZJmCQSy\
        uoKNQZ/+mnAFgitdK8M+X4p9uup8LS5/Y2OoKrX2LYHBfSYbL7PS/N06dP6ny0Lu/6b5Gv9L8D8E/w+V/8VbxP/zrkXmwmUQZE3ZdPy38dhE\
        +f81+A+B/yOa/+Luwza4DIKsKVHHf7uG/weyjx7t8zjiAhbdj5YlujKrX4gbItC+Dtz0UTij8TAR/xGdwH/wf/j8n0MkoZJkuvi6WFlJSDZ/\
        3SuXZXx9jVyOlZc8IkkNPl+Iti9VtmWJzX5CxinbBGlF/YpGum28Uhel4Cq/n9YnKHWnoznkDTfLJ26iXC8kzszGurpIVtAboOfSLS8hQbIF\
        fatx4UPQEGvvBFZWSYn5n0GY9yn/p9mv1Pd5xJT5f9Ig/9c4Ti0B/yHw3zxlJ+F/gbzeIzhtQXcY/Icgi/A/U/Ez479r+rQtfR5bQv6HDx7y\
        3Yj/Bw3yf/L33RXgPwT+m6ccDf/LNPwfxV9fTsIyswnpEpziiungPwSNZP7T+cBozv9HJ868dzDz/xMG+V/T994G8B8C/83T6CT8L1TWnWJQ\
        Zn6Ruj5D9r+6PpOESuT1Y/K4IDiLgP8QNAL4T8f9ZZz/nQ373+7zSCnz/7hB/ndtzZ8F/kPgv3kqI4nv/6vjgpf4PYIuQXIsCzS2+OrAfwga\
        qfzPJeweH+V/TWW4N9n8X73/XzQA/w8Z5P+lUx+cA/8h8N88jU3C/3yi/P6vmBv8hyBr8H+Mhv9PfNEU478A/kPg/5DxvzXGf1sav1uBiL3E\
        Vk1UXqfWB10yZA/bySUb/auwXea8nZQr/ya6tdXnIcp/m2lco7FMjWs0Moo8NkmDjG+J4hrVHw8T+TsKPPD4j6/Op/Vvaj9dVCgfw9nJ2fdp\
        rpThPT/ntv11fS0hS39m5Vi10Tu7sk4WPbhgoX7AKsXGjVRLz7N20f2erul6czEh/bueUsru0mDe+sUsT0Tpg/dTzdule35p9fGvnv8F/Bgo\
        /zctmVCgPz8lBu7/HzZ4frr3fbYX/Icw/zdP7iTxb4yy7hSChMXCLsFpb/DXB1k8xPwfgkbi/L9I8Sjjv3t/z/kdbUJcvDKS/y9OMcb/3MtT\
        LoH/EPhvnqZn4fqCIKtKz386ph/D+V/7z3chPf+NzP/Fqcb4P/dLew34D4H/Jn634D8Egf+c/zQfOJ/z/6FraxydbWLK83/J4Pz/t46NR8B/\
        CPw3Tw3gPwSB/5z/4zT897wS43+y/D/wHwL/U/Bda4z/6c7/E4RFyjp/0jfxKgfIUtDGD9iWLg7Zuw7So+SVSSRPXi+Xyxavf5XPfetfW51t\
        LAbSuFZiMP/vZuNborhG9dydNP/PP6e0/bF1tB7N/6vvv19zpQzr+fmT5/09yct8tTHP/1Orzb0BJY/v3TZW5uvGsVHx/L/wPpb/R/ejZXUG\
        ywMU+IEJvHG655d6WS0fRs9/ekwFnP/OfwOvD+b3f7vB81OxY/M88B/C/N88uTH/hyDM/zn/JxH27C/K/8uRzu0q/506/t/M7/+Cwd//N+/M\
        nwz+Q+C/eVr+gjf4vK8OowAIAv8JBXAR5/+GY1ue0c//Sc8Zj7YciP8ZBuf/U0OtB8F/CPw3TzNAfggC/zn/byPsGd+U/3Ptq58dzP1/p0H+\
        X9z0fgD8h8B/8zQT/Icg8J/z/3YN/2e3t0T5n0r+H/gPgf9JfNca43/68/9qtRYnLw9R303/g2trR9L8PyGa/2cbZHxLFNeoSito/t+ZnMLC\
        cetpXc3/O33mh9maK2VYz48+/69Y3XiD/L9i3Tg2Kl3+H91voPy/dM8v9bJ6/t8dhD2rkfL/pzfC6yLb2PlRY1Sy//8v84bjzk8quvrV73PA\
        fwjzf/NEfWvl+JcuVf3CeLt1I+OlytuOJlZXy/JfOZ+vMZ7u5XVR10/txf7KF9fG+o9M4l5p3XOVlvp+9eURXqrH06GrG9Xx3L/jjkdVtz3T\
        RV+/cp19ngiXfr/WBWw/dZu6v5qHVnhitEvb/77i+PfLe42NU/boOOIkcdNZUhVh+3Xz/dV21edZeZp/37sbcpT328nrn3NORrnFz5/a7kIn\
        21bO91FfV0G6s4X1Rz1zoXP/drW9Or4qJfEHKr01Ku7zquOsds1L2uOm7dsJe5afris29uSlXcf/aYQ9y5nyfxv4D4H/I5r/ev9XaPzfAf9D\
        8L+l/H+Xxv9b4X8I/reU/+/W+H8L/A/B/5by/z0a/2+G/yH431L+r9T4/xP4H4L/LeV/l8b/H8P/EPxvKf9Xafz/EfwPwf+W8r9b4/8P4X8I\
        /h/R/v8PnChfagDIAAA=
        """

    static let level2 = """
        H4sICBqsAWsCA2xldmVsMi5kdW1wAO2cX2gcRRzHZ/b2Lpe/Ntf8uyS2SdWYCubyx2jFQnsKGnyx2gragnDNbdqQy955SUOKgok+iUVSn/TB\
        GtvYKgotmgdtGpTatEUpgiBWOMSHPqSBPAUUSiXO7M4lk/XS3qbJJtx+P3DM7HG7bG/2O5/57W1DCSHVX9GeKvaiZJHYDCHfPXddJesMJcDt\
        6HFdk7cV9gr16v2h/qSmrfCYoag2EIrF44nmle0/0Htv/yaPaAvW+bv1WfLPXx0i/7FnpPyryD9A/lcr/8oGyf/Tt+d34QoDwJ14LP73iLmJ\
        +/8b+B/A/zntf2XnAQ+uMADciWLxv1fy/9nCqR9nw+qSCYt/jrdBS1swR5csEfixzmd9Fv6F+TCT/7EGgP/h/7XLfxFRaRM5sEn0laYmQgrF\
        +4M880a/QOmLEVLD+psIVbu6u+J8/1pjW1H1I7EY377f2Pb7+hKRZB8bnC1su4z48+PR6HyBHunl4xVkr2NUVQZbCRkKmufRLCYP//aD/uMv\
        s86bS+uOxkfN9we/jBjt1jrkAoDV9n8eMbPP/V/nvdU9G1Yy+r8yC/9ften/Qd+1V+F/AP87R+GC/yN+2f+bWX+a+j16SxL+B8Al/s83sm76\
        v7F1+4nZsCej/5MTk5q8Dsjk/wmb/q//6a9H4H8A/ztHkeT/oOT/YvF+J0kynxOSon6lqxX+ByCX/c/rgWLh/5pU7QtW/1fYuP9/wab/3wl9\
        0Q//A/jfOYol/xdJ/r/P6DPnt7D5wfC/qvZoWoLA/wDkrP/5fFAi/N+9pe2JH5ap/7Px/2Wb/t87+8Ex+B/A/85Rskz9Xyr6ejsh5WItoLeS\
        RFm630biFax/ibL+YwT+ByAH/M/X/aXC/z9/+89h6+//QRv+/96m/6de+mU//A/gf+colfxfIvm/khi//3u7dV1Lwv8AuML/pSKf3P9ner5+\
        f7nn/7N5/m/Kpv9TnwTa4X8A/ztHkGR+/i99X+Ao0TX+u0CKqr6DvfEBLQr/A5Cr/ufP/VYL/z/blJyx1v8Vluf/7uT/SZv+v3ntwz/hfwD/\
        O0e15P9iyf8Bs/5n4Yb/AXCL/8sl/4fPvr7ofwr/A/h/1fw/tOj/9fwDPJQoM8Sz2+jXrvgY/JXHxsVLbnq4sr1sDeAldcZfE9nYzIbNNQaf\
        1/hclp7X+FWmiLlJvcf5LdO8ZnzfPsK+o+bojcerrvDtC6+c2VfGzuF6feEO6UpZ0/HZc+XQ5L9vEXLustlWp3dq7//jvVDktQ7rglVdXDdy\
        zl0191v43N+bfx9h67O55812T6O5bqtKH0McZ0Tst971pdvXv1b/89/9AsL/u24f9Y0P0yXDb2d81G32xufG6PGL8D9A/e8cPQW4vgBA/W/6\
        Pyj5f+cbi/5fSf0P/wP4f+PX/5TuM/o+8V7EOMEdd605zWz62Hj4yLRRV6qs9vGxulIlA5HYEa1l419b48Pm9fT/+p/etf7Pdn7LNK9xwkW8\
        /v+1dfrtvReX1P/dc0/K9f9ajs9uUf+Pivo/YKn/05unbpl158iw2QYs61hiqf+TL5ot/xxvE5Vm/UrFiVGx83rXl26/H2D1f41xfqb/p+fH\
        T46J8fFbxieb5/9og73x+fjzQD38D1D/O0fn4Yh+SIviLgAAqP+N9Uq58P+7l07sH7Osz8j0b2G5vZP/82yuzxoSQxPwP4D/naMN5gcA/hf+\
        30rMZwC4/1OJaL7V/3b+/3+hTf9/9FTnefgfwP/OgcofAPfitfif34DvEP4/Df8D+D+n/W/N/zYp/58h/wD5d1X+H5DyP4b8A+TfVfl/UMr/\
        KeQfIP+uyv9DUv5PIv8A+XdV/huk/H+K/APk31X5f1jK/yjyD5D/nM7/f7oQox8AoAAA
        """

    static let list1 = """
        . d 755 -  1795271703
        a d 755 -  1795271703
        a/n1r f 644 1  1706933106
        fifo p 644 1  1706933106
        keep d 755 -  1706933106
        keep/k f 664 2  1706933106
        new d 755 -  1795271703
        new/klink f 664 2  1706933106
        new/n f 644 1  1795271703
        null c 644 1  1706933106
        sl l 777 1 bar 1795271703
        sparse f 644 1  1706933106
        x d 755 -  1795271703
        x/bmoved d 755 -  1706933106
        x/bmoved/c d 755 -  1706933106
        x/bmoved/c/f1 f 644 1  1706933106
        x/bmoved/f2 f 644 1  1706933106
        x/y d 755 -  1795271703
        x/y/n2 f 644 1  1795271703
        x/y/n3 f 644 1  1104537600
        x/y/n4 f 644 1  1706933106
        x/y/n5 f 644 1  1706933106
        """

    static let list2 = """
        . d 755 -  1795271705
        fifo p 644 1  1706933106
        null c 644 1  1706933106
        sl l 777 1 bar 1795271703
        sparse f 644 1  1706933106
        x d 755 -  1795271703
        x/n1r f 644 1  1706933106
        x2 d 755 -  1795271703
        x2/bmoved d 755 -  1706933106
        x2/bmoved/c d 755 -  1795271705
        x2/bmoved/c/f1 f 644 1  1706933106
        x2/bmoved/c/keep d 755 -  1706933106
        x2/bmoved/c/keep/k f 664 1  1706933106
        x2/bmoved/f2 f 644 1  1706933106
        x2/y d 700 -  1795271705
        x2/y/n2 f 644 1  1104537600
        x2/y/n3 f 644 1  1795271703
        x2/y/n4 f 644 1  1706933106
        x2/y/n5 d 755 -  1795271705
        x2/y/n5/inner f 644 1  1795271705
        """
}
