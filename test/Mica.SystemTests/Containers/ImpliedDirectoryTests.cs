namespace Mica.SystemTests.Containers;

/// <summary>Layers with files in directories that they have no entry for, as bazel and jib make them.</summary>
public sealed class ImpliedDirectoryTests(Workbench bench)
{
    [Fact]
    public async Task Layer_WithoutEntriesForDirectories_LeavesThoseBelowAsTheyAre()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string work = bench.NewDirectory("implied");
        await Shell.ScriptAsync(
            """
            cd "$1" && mkdir -p base/tmp base/home/app/data upper/tmp upper/home/app/data upper/new
            chmod 1777 base/tmp; chmod 750 base/home/app; chown 1000:1000 base/home/app; chmod 700 base/home/app/data; chown 1000:1000 base/home/app/data
            echo x >upper/tmp/x; echo y >upper/home/app/data/y; echo z >upper/new/z
            tar -C base -cf base.tar tmp home; tar -C upper -cf upper.tar tmp/x home/app/data/y new/z
            printf 'FROM busybox\nADD base.tar /\n' >Dockerfile
            """, work);
        await one.RunAsync("build", "-q", "--network", "none", "-t", "below", work);
        await AppendLayerAsync(one, work);

        const string Look = "busybox stat -c '%a %u %n' /tmp /home /home/app /home/app/data /new";
        const string Seen = "1777 0 /tmp\n755 0 /home\n750 1000 /home/app\n700 1000 /home/app/data\n755 0 /new\n";
        Assert.Equal(Seen, await one.RunAsync("run", "--rm", "--network", "none", "odd", "sh", "-c", Look));
        Assert.Equal("x\n", await one.RunAsync("run", "--rm", "--network", "none", "--user", "1000", "odd", "sh", "-c", "cat /tmp/x; echo 1 >/tmp/mine"));
        await one.RunAsync("run", "--name", "box", "--network", "none", "odd", "true");
        Assert.Equal("", await one.RunAsync("diff", "box"));

        await File.WriteAllTextAsync(Path.Combine(work, "Dockerfile"), $"FROM odd\nRUN {Look} >/seen\nRUN chmod 711 /home/app\nRUN cat /seen; {Look}\n", TestContext.Current.CancellationToken);
        string log = (await one.Mica.TryAsync("build", "--progress=plain", "--network", "none", "-t", "odder", work)).Succeeded().Errors;
        Assert.Contains("750 1000 /home/app\n", log, StringComparison.Ordinal);
        Assert.Contains("711 1000 /home/app\n", log, StringComparison.Ordinal);
        Assert.Equal(Seen.Replace("750", "711", StringComparison.Ordinal), await one.RunAsync("run", "--rm", "--network", "none", "odder", "sh", "-c", Look));
    }

    /// <summary>Puts a tar of other people's making on top of an image: in an archive, which is loaded again.</summary>
    private static async Task AppendLayerAsync(ContainerBench one, string work)
    {
        await one.RunAsync("save", "-o", $"{work}/image.tar", "below");
        await Shell.ScriptAsync(
            """
            cd "$1" && mkdir image && tar -C image -xf image.tar && cd image
            layer=$(sha256sum ../upper.tar | cut -d' ' -f1); cp ../upper.tar layer-$layer.tar
            config=$(jq -r '.[0].Config' manifest.json)
            jq -c --arg d "sha256:$layer" '.rootfs.diff_ids += [$d] | .history += [{"created": "2020-01-01T00:00:00Z", "created_by": "tar"}]' "$config" >config.json
            jq -c --arg l "layer-$layer.tar" '[.[0] | .Config = "config.json" | .RepoTags = ["odd:latest"] | .Layers += [$l]]' manifest.json >new && mv new manifest.json
            rm -f index.json oci-layout; tar -cf ../odd.tar *
            """, work);
        await one.RunAsync("load", "-q", "-i", $"{work}/odd.tar");
    }
}
